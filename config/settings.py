"""All settings, each from the environment (or `.env`). docs/configuration.md explains every one of them."""

from pathlib import Path

import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from chat import log_context
from config.environment import Environment, secret_key_from_file
from config.logs import logging_config
from config.redaction import Redaction

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
env = Environment(BASE_DIR / ".env")

# --- Where it runs ---------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", default=False)
PRODUCTION = env.flag("PRODUCTION", default=False)
HOST = env.text("HOST", "0.0.0.0")  # noqa: S104 - the contract's default; open access answers loopback only
PORT = env.integer("PORT", 8000, low=0, high=65535)
LOCALHOST_NAMES = ("localhost", ".localhost", "127.0.0.1", "[::1]")
ALLOWED_HOSTS = list(env.words("ALLOWED_HOSTS", LOCALHOST_NAMES))
OPEN_ACCESS = env.flag("OPEN_ACCESS", default=not PRODUCTION)
SECRET_KEY = env.secret("SECRET_KEY")
if PRODUCTION:
    for name, value in (("SECRET_KEY", SECRET_KEY), ("ALLOWED_HOSTS", env.words("ALLOWED_HOSTS"))):
        if not value:
            raise ImproperlyConfigured(f"PRODUCTION=1 needs {name}: set it in the environment.")
SECRET_KEY = SECRET_KEY or secret_key_from_file(BASE_DIR / "var" / "secret_key")

# --- Who answers -----------------------------------------------------------------------------------------------------
DEFAULT_MODEL = env.text("DEFAULT_MODEL", "gpt-4.1")
MODEL_PROVIDERS = {
    # Agents refer to a provider by name; where it is and its key are known here only, never from a request.
    "default": {"base_url": env.url("OPENAI_BASE_URL"), "api_key": env.secret("OPENAI_API_KEY")},
    **{
        name: {
            "base_url": env.url(f"MODEL_PROVIDER_{name.upper()}_BASE_URL"),
            "api_key": env.secret(f"MODEL_PROVIDER_{name.upper()}_API_KEY"),
        }
        for name in env.words("MODEL_PROVIDERS")
    },
}
MODEL_CONNECT_TIMEOUT = env.number("MODEL_CONNECT_TIMEOUT", 5, low=0.05, high=600)
MODEL_FIRST_TOKEN_TIMEOUT = env.number("MODEL_FIRST_TOKEN_TIMEOUT", 60, low=0.05, high=3600)
MODEL_IDLE_TIMEOUT = env.number("MODEL_IDLE_TIMEOUT", 60, low=0.05, high=3600)
MODEL_MAX_RETRIES = env.integer("MODEL_MAX_RETRIES", 2, low=0, high=10)

# --- Tools -----------------------------------------------------------------------------------------------------------
TOOL_MODULES = env.words("TOOL_MODULES")
WEATHER_GEOCODING_URL = env.url("WEATHER_GEOCODING_URL", "https://geocoding-api.open-meteo.com")
WEATHER_FORECAST_URL = env.url("WEATHER_FORECAST_URL", "https://api.open-meteo.com")
SEARXNG_URL = env.url("SEARXNG_URL")
WIKIPEDIA_URL = env.url("WIKIPEDIA_URL", "https://en.wikipedia.org")
STOCKS_URL = env.url("STOCKS_URL", "https://query1.finance.yahoo.com")

# --- Runs ------------------------------------------------------------------------------------------------------------
STREAM_GATHER_MS = env.integer("STREAM_GATHER_MS", 25, low=0, high=1000)
LEASE_SECONDS = env.number("LEASE_SECONDS", 15, low=0.5, high=3600)
DRAIN_SECONDS = env.number("DRAIN_SECONDS", 20, low=0, high=3600)
RUN_EVENT_RETENTION_DAYS = env.integer("RUN_EVENT_RETENTION_DAYS", 30, low=1, high=36500)
PACK_EVENTS_AFTER_SECONDS = env.integer("PACK_EVENTS_AFTER_SECONDS", 60, low=0, high=1_000_000_000)
RATE_LIMIT_MESSAGES = env.rate("RATE_LIMIT_MESSAGES", "60/min")
RATE_LIMIT_SIGN_INS = env.rate("RATE_LIMIT_SIGN_INS", "10/15min")
MAX_CONCURRENT_RUNS = env.integer("MAX_CONCURRENT_RUNS", 10, low=1, high=1_000_000)
MAX_OPEN_STREAMS = env.integer("MAX_OPEN_STREAMS", 100, low=1, high=1_000_000)
MAX_OPEN_SOCKETS = env.integer("MAX_OPEN_SOCKETS", 50, low=1, high=1_000_000)
MAX_FRAMES_PER_SECOND = env.integer("MAX_FRAMES_PER_SECOND", 50, low=1, high=1_000_000)
MAX_MESSAGE_CHARS = env.integer("MAX_MESSAGE_CHARS", 100_000, low=1, high=10_000_000)
MAX_ROUNDS = env.integer("MAX_ROUNDS", 10, low=1, high=1000)
MAX_OUTPUT_CHARS = env.integer("MAX_OUTPUT_CHARS", 2_000_000, low=1, high=1_000_000_000)
MAX_TOOL_CALLS = env.integer("MAX_TOOL_CALLS", 128, low=1, high=1_000_000)
MAX_TOOL_ARGUMENT_CHARS = env.integer("MAX_TOOL_ARGUMENT_CHARS", 100_000, low=1, high=100_000_000)
MAX_TOOL_RESULT_CHARS = env.integer("MAX_TOOL_RESULT_CHARS", 100_000, low=100, high=100_000_000)
MAX_RUN_SECONDS = env.number("MAX_RUN_SECONDS", 900, low=0.1, high=86400)

# --- State -----------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", BASE_DIR / "var" / "db.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    DATABASES["default"] |= {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2048;"
            " PRAGMA wal_autocheckpoint=32000; PRAGMA temp_store=MEMORY;",
        },
        # A file, not memory: the journal's writer and the readers are threads with connections of their own.
        "TEST": {"NAME": str(BASE_DIR / "var" / "test.sqlite3")},
    }
else:
    DATABASES["default"]["OPTIONS"] = {
        # A process that freezes in the middle of a transaction must not keep others from its runs.
        "options": f"-c idle_in_transaction_session_timeout={round(LEASE_SECONDS * 1000)}",
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {"min_size": 1, "max_size": 12, "timeout": 10},
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": "chat"},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

# --- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "tools.apps.ToolsConfig",
    "agents.apps.AgentsConfig",
    "chat.apps.ChatConfig",
]
MIDDLEWARE = [
    "config.middleware.AnswerMiddleware",
    "config.middleware.StaticFilesMiddleware",
    "config.middleware.BrowserMiddleware",
    "config.middleware.PageMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where they are installed: there is no collectstatic step to forget
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 0  # browsers ask whether a file has changed: modules of two versions never meet

# --- Who may ---------------------------------------------------------------------------------------------------------
CORS_ALLOWED_ORIGINS = list(env.origins("CORS_ALLOWED_ORIGINS"))
CORS_ALLOW_HEADERS = ("accept", "authorization", "content-type", "idempotency-key", "last-event-id", "x-request-id")
CORS_EXPOSE_HEADERS = ("x-request-id", "retry-after", "x-run-id", "x-conversation-id", "ratelimit-limit",
                       "ratelimit-remaining", "ratelimit-reset")  # fmt: skip
CSRF_TRUSTED_ORIGINS = [f"https://{host.removeprefix('.')}" for host in ALLOWED_HOSTS] if PRODUCTION else []
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # these six look for Django's middleware by name; config.middleware has it without thread hops
    "security.W002",
    "security.W003",
    "admin.E408",
    "admin.E409",
    "admin.E410",
    "security.W008",  # the proxy in front redirects to https; a redirect here would break health checks
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = max(2 * 1024 * 1024, 6 * MAX_MESSAGE_CHARS)  # bytes; one character is at most six in JSON

# --- The API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["chat.api.authentication.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["chat.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chat.api.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "chat.api.negotiation.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "chat.api.pagination.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "chat.api.schema.Schema",
    "EXCEPTION_HANDLER": "chat.api.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Streaming Chat API",
    "DESCRIPTION": "Agents that stream their answers and call tools in parallel; every event is stored first.",
    "VERSION": VERSION,
    "LICENSE": {"name": "MIT"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "RunStatus": "chat.models.run.Run.Status",
        "ToolCallStatus": "chat.models.tool_call.ToolCall.Status",
        "HealthStatus": ["healthy", "degraded", "error"],
        "LiveStatus": ["live"],
        "ReadyStatus": ["ready", "not_ready"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chat.api.schema.add_events_and_errors",
    ],
}

# --- Logs ------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "json" if PRODUCTION else "text", ("text", "json"))
REDACTION = Redaction({*env.secrets, SECRET_KEY})
DEFAULT_EXCEPTION_REPORTER = "config.error_pages.RedactedReporter"
LOGGING = logging_config(level=LOG_LEVEL, json=LOG_FORMAT == "json", redaction=REDACTION)
structlog.configure(
    processors=[
        log_context.add_told,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
