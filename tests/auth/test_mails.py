"""Mails: written down with what they tell of, and sent, however often server and service go away in between."""

import asyncio
import datetime as dt
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from auth_service.mails import delivery, repository
from auth_service.mails.letters import MailKind
from cathouse.database import DatabaseUrl
from tests.fixtures.auth_app import run_auth
from tests.fixtures.mails import SENDER, arrange, logged, sending, somebody, waiting, write_down
from tests.fixtures.smtp import HANG, TAKE_AND_HANG, TAKE_SLOWLY, SmtpServer
from tests.fixtures.waiting import until

pytestmark = pytest.mark.usefixtures("short_pauses")


async def test_a_registration_brings_a_mail_that_leads_to_the_front_end(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    async with run_auth(clean_db, **sending(mail_server)) as auth:
        body = {
            "email": "Mia@Example.com",
            "password": "correct horse battery staple",
            "display_name": "Buy at evil.example",
        }
        await auth.post("register", body, expect=202, Host="evil.example")
        (mail,) = await mail_server.wait_for(1)
        assert (mail.sender, mail.recipients) == ("no-reply@house.example", ("Mia@Example.com",))
        headers = mail.message
        assert headers["From"] == SENDER
        assert headers["To"] == "Mia@Example.com"
        assert headers["Subject"] == "Confirm your e-mail address"
        assert abs(parsedate_to_datetime(headers["Date"]) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=2)
        assert headers["Message-ID"].endswith("@house.example>")
        assert headers["Auto-Submitted"] == "auto-generated"
        link = f"https://play.house.example/cats/verify-email#token={mail.token}"
        assert link in mail.part("plain")
        assert f'<a href="{link}">' in mail.part("html")
        assert "evil.example" not in mail.message.as_string() + mail.part("plain") + mail.part("html")
        await until(lambda: waiting(owner_engine) == 0)
        await auth.post("login", {k: body[k] for k in ("email", "password")}, expect=403)
        await auth.post("email/verify", {"token": mail.token}, expect=204)
        await auth.post("login", {k: body[k] for k in ("email", "password")}, expect=200)


async def test_a_domain_in_another_script_gets_its_mail(clean_db: DatabaseUrl, mail_server: SmtpServer) -> None:
    async with run_auth(clean_db, **sending(mail_server)) as auth:
        await auth.register(email="mia@bücher.example")
        (mail,) = await mail_server.wait_for(1)
        assert mail.recipients == ("mia@xn--bcher-kva.example",)


async def test_nobody_waits_for_a_mail_server_that_is_away(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    settings = sending(mail_server)
    await mail_server.stop()
    with capture_logs() as logs:
        async with run_auth(clean_db, **settings) as auth:
            async with asyncio.timeout(10):
                email = await auth.register()
                await auth.post("password/forgot", {"email": email}, expect=202)
            await until(lambda: len(logged(logs, "mail.delayed")) > 2)
            await mail_server.start()
            assert {mail.recipients for mail in await mail_server.wait_for(2)} == {(email,)}
            await until(lambda: waiting(owner_engine) == 0)
    assert all(f"127.0.0.1:{mail_server.port}" in line["cause"] for line in logged(logs, "mail.delayed"))


async def test_what_the_server_puts_off_comes_later_and_once(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    mail_server.answer("451 4.7.1 <{}>: greylisted", "452 4.2.2 <{}>: full")
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)) as auth:
            email = await auth.register()
            await mail_server.wait_for(1)
            await until(lambda: waiting(owner_engine) == 0)
    assert [line["attempt"] for line in logged(logs, "mail.delayed")] == [1, 2]
    assert [line["retry_in_s"] for line in logged(logs, "mail.delayed")] == [0.1, 0.1]
    assert len(mail_server.received) == len(logged(logs, "mail.sent")) == 1
    assert email not in str(logs)


async def test_what_the_server_refuses_is_given_up_with_one_line(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    mail_server.answer("550 5.1.1 <{}>: nobody here")
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)) as auth:
            email = await auth.register()
            await until(lambda: waiting(owner_engine) == 0)
            await auth.register()
            await mail_server.wait_for(1)
    (line,) = logged(logs, "mail.refused")
    assert (line["log_level"], line["kind"]) == ("error", "verify_email")
    assert line["cause"] == f"127.0.0.1:{mail_server.port} (tls none) refused the recipient (550 5.1.1)"
    assert email not in str(logs)


async def test_a_mail_whose_time_is_over_is_not_sent(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine))
    arrange(owner_engine, "expires_at = now() - interval '1 second'")
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)):
            await until(lambda: waiting(owner_engine) == 0)
    assert [line["cause"] for line in logged(logs, "mail.given_up")] == ["its time is over"]
    assert mail_server.received == []


async def test_what_cannot_be_sent_before_its_time_is_over_is_given_up_with_its_cause(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "PAUSES", (dt.timedelta(hours=1),))
    await write_down(clean_db, somebody(owner_engine))
    arrange(owner_engine, "expires_at = now() + interval '30 minutes'")
    mail_server.answer("451 4.3.0 later")
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)):
            await until(lambda: waiting(owner_engine) == 0)
    assert "refused the recipient (451 4.3.0)" in logged(logs, "mail.given_up")[0]["cause"]


async def test_the_next_process_sends_what_an_ended_one_left_behind(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    settings = sending(mail_server)
    await mail_server.stop()
    async with run_auth(clean_db, **settings) as auth:
        email = await auth.register()
    assert waiting(owner_engine) == 1
    await mail_server.start()
    async with run_auth(clean_db, **settings):
        (mail,) = await mail_server.wait_for(1)
        assert mail.recipients == (email,)


async def test_a_killed_process_keeps_a_mail_for_its_lease_and_no_longer(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine))
    arrange(owner_engine, "attempts = 1, next_attempt_at = now() + interval '1 second'")  # as a killed one left it
    async with run_auth(clean_db, **sending(mail_server)):
        await asyncio.sleep(0.3)
        assert mail_server.received == []
        await mail_server.wait_for(1)


async def test_at_shutdown_a_mail_that_is_being_taken_is_finished(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine))
    mail_server.answer(TAKE_SLOWLY, at="DATA")
    async with run_auth(clean_db, **sending(mail_server)):
        await mail_server.wait_for(1)
    assert waiting(owner_engine) == 0
    assert len(mail_server.received) == 1


async def test_at_shutdown_what_hangs_is_given_back_for_the_next_process(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_GRACE_S", 0.1)
    await write_down(clean_db, somebody(owner_engine))
    mail_server.answer(HANG)
    async with run_auth(clean_db, **sending(mail_server)):
        await until(lambda: mail_server.is_in_its_mood)
    assert waiting(owner_engine) == 1
    async with run_auth(clean_db, **sending(mail_server)):  # at once, and not after the lease
        await mail_server.wait_for(1)


async def test_a_mail_that_was_taken_without_an_answer_comes_again_as_the_same(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_GRACE_S", 0.1)
    await write_down(clean_db, somebody(owner_engine))
    mail_server.answer(TAKE_AND_HANG, at="DATA")
    async with run_auth(clean_db, **sending(mail_server)):
        await mail_server.wait_for(1)
    async with run_auth(clean_db, **sending(mail_server)):
        first, second = await mail_server.wait_for(2)
        assert first.message["Message-ID"] == second.message["Message-ID"]


async def test_two_replicas_send_each_mail_once(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    await write_down(clean_db, somebody(owner_engine), 50)
    async with run_auth(clean_db, **sending(mail_server)), run_auth(clean_db, **sending(mail_server)):
        await mail_server.wait_for(50, seconds=60)
        await until(lambda: waiting(owner_engine) == 0)
        await asyncio.sleep(0.3)
    assert len({mail.message["Message-ID"] for mail in mail_server.received}) == len(mail_server.received) == 50


async def test_one_that_hangs_does_not_stop_the_others_of_its_round(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_GRACE_S", 0.1)
    await write_down(clean_db, somebody(owner_engine), 5)
    mail_server.answer(HANG)
    async with run_auth(clean_db, **sending(mail_server)):
        await mail_server.wait_for(4)
        await until(lambda: waiting(owner_engine) == 1)


async def test_what_is_wrong_with_one_mail_does_not_stop_the_others(
    clean_db: DatabaseUrl, owner_engine: Engine, mail_server: SmtpServer
) -> None:
    user_id = somebody(owner_engine)
    await write_down(clean_db, user_id, kind=MailKind.EMAIL_CHANGED)  # without the parameter that it needs
    await write_down(clean_db, user_id, to="mia@example.com\r\nBcc: all@example.com")
    await write_down(clean_db, user_id, to="mia@example.com, all@example.com")
    await write_down(clean_db, user_id)
    with capture_logs() as logs:
        async with run_auth(clean_db, **sending(mail_server)):
            await mail_server.wait_for(1)
            await until(lambda: waiting(owner_engine) == 1)
    assert len(logged(logs, "mail.failed")) == 1
    assert [line["cause"] for line in logged(logs, "mail.refused")] == [
        "the address of its person is none that a mail can be sent to"
    ] * 2
    assert [mail.recipients for mail in mail_server.received] == [("mia@example.com",)]
