# One image for the server, the migrations and every management command.

FROM node:24-slim AS page
WORKDIR /page
COPY package.json package-lock.json ./
COPY config/vendor.sh config/
RUN bash config/vendor.sh

FROM python:3.11-slim AS packages
WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -c constraints.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000
RUN useradd --system --uid 10001 --home-dir /app chat
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=page /page/static/vendor static/vendor
# The only folder that is written to, and only without DATABASE_URL and SECRET_KEY.
RUN mkdir var && chown chat var
USER chat
VOLUME /app/var
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=4)"]
CMD ["python", "manage.py", "serve"]
