"""What our HTTP clients verify servers with."""

import ssl

from cathouse.tls import client_tls, tls_for


def test_a_client_of_an_https_server_trusts_the_public_authorities() -> None:
    assert tls_for("https://auth.example.com/jwks") is client_tls()
    assert client_tls().cert_store_stats()["x509_ca"] > 0


def test_a_client_of_a_plain_server_trusts_nobody_and_would_still_verify() -> None:
    context = tls_for("http://127.0.0.1:8001")
    assert context.cert_store_stats()["x509_ca"] == 0
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
