"""A server's certificate that this process trusts, for tests that encrypt."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def trusted_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """How a server for `localhost` encrypts; skips the test where nothing can make certificates."""
    if (tool := shutil.which("openssl")) is None:
        pytest.skip("no openssl here to make a certificate with")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(key), "-out", str(certificate))
    made = [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(made, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
