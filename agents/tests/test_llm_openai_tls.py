"""Providers over https: whose certificates are trusted."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.errors import ErrorCode
from agents.llm.openai import OpenAIChatModel
from agents.tests.asking import ask, ask_and_fail, text
from tests.provider import Provider
from tests.provider_script import say


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate for 127.0.0.1 that only itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted provider")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_certificate_of_ones_own_is_trusted_when_the_environment_names_it(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with Provider(say("ok"), tls=tls) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for _ in range(2):
            assert text(await ask(model)) == "ok"
        await model.aclose()
    assert [request.connection for request in provider.requests] == [1, 1]


async def test_a_certificate_that_nobody_vouches_for_is_refused(tls: ssl.SSLContext):
    async with Provider(say("never"), tls=tls) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, max_retries=0)
        _, failure = await ask_and_fail(model)
        await model.aclose()
    assert failure.code is ErrorCode.MODEL_UNAVAILABLE
    assert not provider.requests


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["no file", "no certificate in it"])
async def test_certificates_that_cannot_be_read_are_named(
    content: str | None, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    named = tmp_path / "named.pem"
    if content is not None:
        named.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    async with Provider(say("never"), tls=tls) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, max_retries=0)
        _, failure = await ask_and_fail(model)
        await model.aclose()
    assert failure.code is ErrorCode.MODEL_ERROR
    assert "SSL_CERT_FILE" in failure.message
