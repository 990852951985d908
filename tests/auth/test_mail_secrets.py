"""What is in a mail is its reader's alone: no dump has it, no log has it, and without JWT_SECRET it stays closed."""

import base64
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from cathouse.database import DatabaseUrl
from cathouse.identity import USED_BY, derive, parse_roots
from tests.fixtures.auth_app import run_auth
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET
from tests.fixtures.mails import arrange, logged, sending, somebody, waiting, write_down
from tests.fixtures.smtp import DROP, SmtpServer, smtp_server
from tests.fixtures.waiting import until

pytestmark = pytest.mark.usefixtures("short_pauses")

NEW_SECRET = "another-jwt-key-of-the-tests-and-of-nothing-else"
PASSWORD = "a-canary-of-a-password"
PRODUCTION = {
    "environment": "production",
    "platform_secret": None,
    "metrics_token": SecretStr("a-metrics-token-of-the-tests-and-of-nothing-else"),
    "token_issuer": "https://auth.house.example",
    **{use.value: SecretStr(derive(parse_roots(PLATFORM_SECRET), use).text()) for use in USED_BY["auth"]},
}


def rows(engine: Engine) -> str:
    """The table as a dump has it: bytes in hexadecimal."""
    with engine.connect() as connection:
        found = connection.scalars(text("SELECT row_to_json(mails)::text FROM cathouse.mails")).all()
    return "\n".join(found)


def spellings(secret: str) -> set[str]:
    """As it is, and as a column of bytes or a line of SMTP would show it."""
    raw = secret.encode()
    return {secret, raw.hex(), base64.b64encode(raw).decode().rstrip("=")}


async def test_a_dump_of_the_table_shows_neither_address_nor_token(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    settings = sending(mail_server)
    await mail_server.stop()
    async with run_auth(clean_db, **settings) as auth:
        email = await auth.register(display_name="A canary of a name")
        dumped = rows(owner_engine)
        await mail_server.start()
        (mail,) = await mail_server.wait_for(1)
    assert "verify_email" in dumped
    for secret in (email, mail.token, "A canary of a name"):
        assert not [spelling for spelling in spellings(secret) if spelling in dumped]


async def test_no_log_line_has_an_address_a_token_or_the_servers_password(
    clean_db: DatabaseUrl,
    owner_engine: Engine,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("WARNING", "mail.log")  # the stand-in's own lines
    async with smtp_server(credentials=("postmaster", PASSWORD)) as server:
        server.answer("451 4.7.1 <{}>: later", "554 5.7.1 <{}>: never", DROP)
        server.answer("452 <mia@example.com> later", at="MAIL")
        await write_down(clean_db, somebody(owner_engine), token="a-canary-of-a-token")
        with capture_logs() as logs:
            async with run_auth(
                clean_db, **sending(server, mail_url=SecretStr(server.url(password="wrong-" + PASSWORD)))
            ):
                await until(lambda: logged(logs, "mail.delayed"))
            async with run_auth(clean_db, **sending(server)) as auth:
                registered = [await auth.register() for _ in range(4)]
                await until(lambda: waiting(owner_engine) == 0)
    tokens = [mail.token for mail in server.received if "#token=" in mail.part("plain")]
    assert len(tokens) >= 3
    said = str(logs) + "".join(capsys.readouterr()) + caplog.text
    assert {line["event"] for line in logs} >= {"mail.delayed", "mail.refused", "mail.sent"}
    for secret in ("mia@example.com", *registered, *tokens, PASSWORD, "a-canary-of-a-token"):
        assert secret not in said


async def test_a_mail_written_before_the_secret_was_replaced_is_sent_after_it(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine))
    async with run_auth(clean_db, **sending(mail_server, jwt_secret=SecretStr(f"{NEW_SECRET},{JWT_SECRET}"))):
        await mail_server.wait_for(1)


async def test_a_mail_under_a_secret_that_is_not_here_waits_for_who_has_it(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    # While a new value is handed out, a replica with the old one alone meets what one with the new one wrote.
    await write_down(clean_db, somebody(owner_engine), jwt_secret=NEW_SECRET)
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)):
            await until(lambda: logged(logs, "mail.cannot_be_opened"))
            async with run_auth(clean_db, **sending(mail_server, jwt_secret=SecretStr(f"{NEW_SECRET},{JWT_SECRET}"))):
                await mail_server.wait_for(1)
                await until(lambda: waiting(owner_engine) == 0)
    (line,) = logged(logs, "mail.cannot_be_opened")
    assert line["mails"] == 1
    assert "put the old value back behind the new one: NEW,OLD" in line["advice"]
    assert not logged(logs, "mail.given_up")


async def test_a_mail_whose_secret_stays_away_is_given_up_with_the_reason(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine))
    arrange(owner_engine, "expires_at = now() - interval '1 second'")
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server, jwt_secret=SecretStr(NEW_SECRET))):
            await until(lambda: waiting(owner_engine) == 0)
    (line,) = logged(logs, "mail.given_up")
    assert "until the end it was under a JWT_SECRET that is not on this process's list" in line["cause"]
    assert mail_server.received == []


async def test_a_mail_that_somebody_changed_is_not_sent(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine))
    arrange(owner_engine, "wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))")
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)):
            await until(lambda: waiting(owner_engine) == 0)
    assert "it was changed in the database" in logged(logs, "mail.refused")[0]["cause"]
    assert mail_server.received == []


async def test_a_mail_cannot_be_passed_off_as_another(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine), 2)
    arrange(owner_engine, "wrapped = (SELECT wrapped FROM cathouse.mails ORDER BY id LIMIT 1)")
    async with run_auth(clean_db, **sending(mail_server)):
        await until(lambda: waiting(owner_engine) == 0)
    assert len(mail_server.received) == 1


async def test_development_without_a_server_writes_files_and_lines(
    clean_db: DatabaseUrl, owner_engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "mails"
    with capture_logs() as logs:
        async with run_auth(clean_db, mail_folder=folder) as auth:
            email = await auth.register(expect=201)
            await until(lambda: waiting(owner_engine) == 0)
    (file,) = folder.iterdir()
    message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
    body = message.get_body(("plain",))
    assert body is not None
    (line,) = logged(logs, "mail.written")
    assert (line["to"], line["file"]) == (email, str(file))
    assert message["To"] == email
    assert (
        f"\nhttp://localhost:3000/verify-email#{body.get_content().partition('#')[2].split()[0]}\n" in file.read_text()
    )
    assert "http://localhost:3000/verify-email#token=cho_" in body.get_content()
    assert line["text"] == body.get_content()


async def test_a_folder_that_cannot_be_written_is_one_line(
    clean_db: DatabaseUrl, owner_engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    with capture_logs() as logs:
        async with run_auth(clean_db, mail_folder=tmp_path / "taken" / "mails") as auth:
            await auth.register(expect=201)
            await until(lambda: logged(logs, "mail.delayed"))
    assert logged(logs, "mail.delayed")[0]["cause"] == (
        f"cannot write to MAIL_FOLDER {tmp_path}/taken/mails: not a directory"
    )
    assert waiting(owner_engine) == 1


async def test_production_without_a_server_promises_no_mail(clean_db: DatabaseUrl, owner_engine: Engine) -> None:
    with capture_logs() as logs:
        async with run_auth(clean_db, **PRODUCTION) as auth:
            email = await auth.register(expect=201)
            for path in ("password/forgot", "email/verify/resend"):
                refused = await auth.post(path, {"email": email}, expect=503)
                assert refused.json()["code"] == "mail_not_configured"
            # Whether there is such an account is told by neither.
            await auth.post("password/forgot", {"email": "nobody@example.com"}, expect=503)
    assert waiting(owner_engine) == 0
    assert len(logged(logs, "mail.not_configured")) == 1


async def test_production_with_a_server_sends(clean_db: DatabaseUrl, mail_server: SmtpServer) -> None:
    async with run_auth(clean_db, **sending(mail_server, **PRODUCTION)) as auth:
        await auth.register()
        (mail,) = await mail_server.wait_for(1)
        assert f"https://play.house.example/cats/verify-email#token={mail.token}" in mail.part("plain")
