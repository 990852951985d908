"""How mails are handed over: to a server that proves its name, with a log-in or without, and what is said when not."""

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from email.message import EmailMessage
from pathlib import Path

import pytest

from auth_service.mails import transport as transports
from auth_service.mails.addresses import parse_sender
from auth_service.mails.letters import MailKind, compose
from auth_service.mails.server import SmtpServer as MailUrl
from auth_service.mails.transport import FolderTransport, MailDelayedError, MailRefusedError, SmtpTransport
from tests.fixtures.smtp import DROP, HANG, TAKE_AND_HANG, MailCertificates, SmtpServer, mail_certificates, smtp_server

SENDER = "no-reply@house.example"
RECIPIENT = "mia@example.com"
USER, PASSWORD = "postmaster@house.example", "päss:w@rd/ 100%?#"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> MailCertificates:
    return mail_certificates(tmp_path_factory.mktemp("certificates"))


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "Hello"
    message["Message-ID"] = "<a-mail@house.example>"
    message.set_content("…\n.\na line of one dot, and the end")
    return message


def with_tls(
    certificates: MailCertificates, way: str, credentials: tuple[str, str] | None = None
) -> AbstractAsyncContextManager[SmtpServer]:
    if way == "implicit":
        return smtp_server(implicit=certificates.context, credentials=credentials)
    return smtp_server(starttls=certificates.context, credentials=credentials)


async def hand_over(url: str) -> None:
    await SmtpTransport(MailUrl.parse(url)).send(letter(), sender=SENDER, recipient=RECIPIENT)


async def why_delayed(url: str) -> str:
    with pytest.raises(MailDelayedError) as delay:
        await hand_over(url)
    said = str(delay.value)
    assert RECIPIENT not in said
    assert PASSWORD not in said
    assert "\n" not in said
    return said


def test_every_kind_of_mail_has_a_letter() -> None:
    parameters = dict.fromkeys(("token", "masked", "left", "sender", "cat", "title"), "Misty")
    for kind in MailKind:
        assert compose(kind, parameters, public_url="https://house.example").subject, kind


async def test_a_mail_arrives_whole(mail_server: SmtpServer) -> None:
    await hand_over(mail_server.url())
    (mail,) = mail_server.received
    assert (mail.sender, mail.recipients) == (SENDER, (RECIPIENT,))
    assert mail.part("plain").splitlines() == ["…", ".", "a line of one dot, and the end"]


async def test_a_server_of_7_bits_gets_the_same_mail() -> None:
    letter = compose(MailKind.EMAIL_CHANGED, {"masked": "m…@bücher.example"}, public_url="https://house.example")
    message = letter.message(sender=parse_sender(SENDER), to=RECIPIENT, message_id="<a-mail@house.example>")
    async with smtp_server(takes_8bit=False) as old, smtp_server() as new:
        for server in (old, new):
            await SmtpTransport(MailUrl.parse(server.url())).send(message, sender=SENDER, recipient=RECIPIENT)
            assert "m…@bücher.example" in server.received[0].part("plain")
            assert "m…@bücher.example" in server.received[0].part("html")


@pytest.mark.parametrize("way", ["implicit", "starttls"])
async def test_a_certificate_of_a_trusted_authority_is_believed_and_the_log_in_goes_through_tls(
    certificates: MailCertificates, way: str
) -> None:
    async with with_tls(certificates, way, (USER, PASSWORD)) as running:
        options = {} if way == "implicit" else {"tls": "starttls"}
        await hand_over(running.url(ca=str(certificates.authority), **options))
        assert running.received[0].was_encrypted
        assert running.log_ins == 1


@pytest.mark.parametrize("way", ["implicit", "starttls"])
@pytest.mark.parametrize("whose", ["stranger", "system"])
async def test_another_authority_is_refused_before_the_log_in(
    certificates: MailCertificates, way: str, whose: str
) -> None:
    async with with_tls(certificates, way, (USER, PASSWORD)) as running:
        options = {} if way == "implicit" else {"tls": "starttls"}
        if whose == "stranger":
            options["ca"] = str(certificates.stranger)
        said = await why_delayed(running.url(**options))
        assert "its certificate cannot be verified (unable to get local issuer certificate): give its authority" in said
        assert running.log_ins == 0


@pytest.mark.parametrize("way", ["implicit", "starttls"])
async def test_a_certificate_for_another_name_is_refused(certificates: MailCertificates, way: str) -> None:
    async with with_tls(certificates, way) as running:
        options = {} if way == "implicit" else {"tls": "starttls"}
        said = await why_delayed(running.url(host="127.0.0.1", ca=str(certificates.authority), **options))
        assert "certificate is not valid for '127.0.0.1'" in said


async def test_nothing_is_sent_without_tls_where_it_is_wanted() -> None:
    async with smtp_server(credentials=(USER, PASSWORD)) as running:
        said = await why_delayed(running.url(tls="starttls"))
        assert "offers no STARTTLS: is it smtps://" in said
        assert running.log_ins == 0


async def test_tls_that_is_spoken_to_a_plain_port_is_told(
    mail_server: SmtpServer, certificates: MailCertificates
) -> None:
    said = await why_delayed(f"smtps://localhost:{mail_server.port}?ca={certificates.authority}")
    assert "no TLS came about: smtps:// is for port 465" in said


async def test_tls_can_be_done_without_when_that_is_said() -> None:
    async with smtp_server(credentials=(USER, PASSWORD)) as running:
        await hand_over(running.url(tls="none"))
        assert not running.received[0].was_encrypted


async def test_a_refused_log_in_is_the_operators_and_costs_no_mail(certificates: MailCertificates) -> None:
    async with smtp_server(implicit=certificates.context, credentials=(USER, PASSWORD)) as running:
        said = await why_delayed(running.url(password="another", ca=str(certificates.authority)))
        assert "refused the user or the password (535 5.7.8): check MAIL_URL" in said
        said = await why_delayed(running.url(user="", ca=str(certificates.authority)))
        assert "refused the sender (530 5.7.0): check MAIL_FROM and the user of MAIL_URL" in said


async def test_a_server_without_log_ins_is_told(mail_server: SmtpServer) -> None:
    said = await why_delayed(mail_server.url(user="me", password=PASSWORD))
    assert "offers no log-in that we know" in said


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
async def test_4xx_is_later_and_5xx_is_never(mail_server: SmtpServer, stage: str) -> None:
    mail_server.answer("451 4.3.0 <{}>: try later", at=stage)  # type: ignore[arg-type] # one of the stages
    assert "(451 4.3.0)" in await why_delayed(mail_server.url())
    mail_server.answer("550 5.1.1 <{}>: no such user", at=stage)  # type: ignore[arg-type] # the same
    with pytest.raises(MailRefusedError, match=r"refused the (recipient|mail) \(550 5\.1\.1\)$"):
        await hand_over(mail_server.url())
    await hand_over(mail_server.url())


@pytest.mark.parametrize("answer", ["530 5.7.0 log in first", "535 not you", "538 TLS first"])
async def test_an_answer_about_our_rights_is_no_refusal_of_the_mail(mail_server: SmtpServer, answer: str) -> None:
    mail_server.answer(answer)
    assert "it wants a log-in or TLS first, check MAIL_URL" in await why_delayed(mail_server.url())


async def test_a_refused_sender_costs_no_mail(mail_server: SmtpServer) -> None:
    mail_server.answer("553 5.7.1 not yours to send from", at="MAIL")
    assert "refused the sender (553 5.7.1): check MAIL_FROM" in await why_delayed(mail_server.url())


async def test_a_server_that_is_away_is_told_by_its_name(mail_server: SmtpServer) -> None:
    await mail_server.stop()
    said = await why_delayed(mail_server.url())
    assert said.startswith(f"127.0.0.1:{mail_server.port} (tls none): ")
    assert "connect call failed" in said


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_that_breaks_is_told(mail_server: SmtpServer, stage: str) -> None:
    mail_server.answer(DROP, at=stage)  # type: ignore[arg-type] # one of the stages
    said = await why_delayed(mail_server.url())
    assert "connection" in said


@pytest.mark.parametrize("mood", [HANG, TAKE_AND_HANG])
async def test_a_server_that_hangs_is_left(mail_server: SmtpServer, mood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "_STEP_S", 0.2)
    mail_server.answer(mood, at="DATA")
    assert "did not answer in time" in await why_delayed(mail_server.url())
    monkeypatch.setattr(transports, "_STEP_S", 20)
    monkeypatch.setattr(transports, "DEADLINE_S", 0.2)
    mail_server.answer(HANG, at="MAIL")
    assert "did not answer in time" in await why_delayed(mail_server.url())


async def test_what_is_no_mail_server_is_told() -> None:
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        said = await why_delayed(f"smtp://127.0.0.1:{port}")
        assert said.endswith("does not speak SMTP")
        await ended.wait()


async def test_in_development_a_mail_is_a_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    folder = tmp_path / "mails" / "of-today"
    await FolderTransport(folder).send(letter(), sender=SENDER, recipient=RECIPIENT)
    (file,) = folder.iterdir()
    assert file.name == "a-mail.eml"
    assert folder.stat().st_mode & 0o077 == 0


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "mails").write_text("a file")
    with pytest.raises(MailDelayedError, match=r"cannot write to MAIL_FOLDER .*/mails: file exists"):
        await FolderTransport(tmp_path / "mails").send(letter(), sender=SENDER, recipient=RECIPIENT)


def test_certificates_are_verified_unless_there_is_no_tls() -> None:
    context = MailUrl.parse("smtps://mail.example.com").tls_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
