"""Before going in and in the call: what each person may choose, write and show, and what is done for them by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.browser.call.pages import CallServer, MakeSide, Room, Side, in_call
from tests.browser.call.troubles import LOSSY, REFUSES, WITHOUT_INTERFACE

# What was asked of the browser, for a device that is gone must never be insisted on.
KEEP_ASKED = """
  window.asked = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) => { asked.push(wanted); return ask(wanted); };
"""
STALE = """
  localStorage.setItem("call:devices", JSON.stringify({ camera: { id: "gone", label: "Gone" }, microphone: { id: "gone", label: "Gone" } }));
"""
SCREEN = """
  navigator.mediaDevices.getDisplayMedia = async () => {
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [1600, 900];
    const pen = sheet.getContext("2d");
    let turn = 0;
    setInterval(() => { pen.fillStyle = `hsl(${(turn += 7) % 360} 80% 50%)`; pen.fillRect(0, 0, 1600, 900); }, 50);
    const stream = sheet.captureStream(20);
    window.sharedScreen = stream.getVideoTracks()[0];
    return stream;
  };
"""
SILENT_PLAYER = """
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    const isRefused = this.tagName === "AUDIO" && !window.isTouched;
    return isRefused ? Promise.reject(new DOMException("touch first", "NotAllowedError")) : play.call(this);
  };
  addEventListener("click", () => (window.isTouched = true), true);
"""
SECRET = "Ordonnance du docteur Untel, posologie 3 fois par jour"


async def arrives(side: Side) -> Side:
    await side.enter(start="devices")
    await side.reaches("devices")
    return side


async def goes_in(side: Side) -> None:
    await side.page.locator(".call__act--go-in").click()


async def more(side: Side, name: str) -> None:
    """Something behind the button *Plus*."""
    await side.page.locator(".call__button--more").click()
    await side.page.locator(".call__menu").get_by_role("button", name=name).click()


async def test_arrival_does_not_wait_for_the_camera_and_going_in_is_one_press(side: MakeSide, room: Room) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await doctor.enter()
    await arrives(insured)
    await doctor.page.get_by_text("Il règle sa caméra et son micro").wait_for()
    assert (await room.attendance()).had_arrived
    page = insured.page
    await page.wait_for_function("() => document.querySelector('.call__own-picture').videoWidth > 0")
    await page.wait_for_function("() => document.querySelector('.call__level').value > 0")
    await page.get_by_text("Choisir la caméra").click()
    assert await page.locator(".call__arrival").get_by_label("Caméra", exact=True).locator("option").count() >= 1
    assert await page.locator(".call__arrival").get_by_label("Micro", exact=True).locator("option").count() >= 2
    assert await page.locator(".call__arrival").get_by_label("Haut-parleur").locator("option").count() >= 1
    found = await Axe().run(page, context=".call")
    assert found.violations_count == 0, found.generate_report()

    # The doctor opens the door before: nobody is seen until they go in.
    await doctor.admit()
    await page.get_by_role("heading", name="Le médecin vous attend").wait_for()
    await asyncio.sleep(0.5)
    assert await insured.attempts_made() == 0
    await goes_in(insured)
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    await asyncio.gather(doctor.sees_and_hears(), insured.sees_and_hears())

    # Back by a reload: in the call, and not asked again.
    await page.reload()
    await insured.reaches("live")


async def test_a_chosen_device_is_remembered_and_a_stale_one_never_insisted_on(side: MakeSide) -> None:
    insured = await side("insured")
    await insured.page.add_init_script(KEEP_ASKED)
    await insured.page.add_init_script(f"if (!localStorage.getItem('call:devices')) {{ {STALE} }}")
    await arrives(insured)
    await insured.page.wait_for_function("() => document.querySelector('.call__own-picture').videoWidth > 0")
    asked = await insured.page.evaluate("JSON.stringify(asked)")
    assert "gone" in asked
    assert "exact" not in asked

    await insured.page.get_by_text("Choisir la caméra").click()
    microphones = insured.page.locator("#call-before-microphone")
    last = await microphones.locator("option").last.get_attribute("value")
    assert last is not None
    await microphones.select_option(last)
    used = "document.querySelector('[data-call]').mountedCall.call.own.current('microphone')"
    await insured.page.wait_for_function(f"id => {used} === id", arg=last)
    await insured.page.reload()
    await insured.reaches("devices")
    await insured.page.wait_for_function(f"id => {used} === id", arg=last)


async def test_who_comes_with_sound_alone_is_not_asked_for_a_camera(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await insured.page.add_init_script(KEEP_ASKED)
    await doctor.enter()
    await arrives(insured)
    await insured.page.get_by_label("Venir sans caméra").check()
    await insured.page.wait_for_function("() => asked.at(-1).video === undefined")
    await insured.page.reload()
    await insured.reaches("devices")
    assert await insured.page.get_by_label("Venir sans caméra").is_checked(), "remembered"
    assert await insured.page.evaluate("asked.every(wanted => wanted.video === undefined)")
    await goes_in(insured)
    await doctor.admit()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    await insured.sees_and_hears()
    await insured.page.reload()
    await insured.reaches("live")
    assert await insured.page.evaluate("asked.every(wanted => wanted.video === undefined)"), "nor after a reload"
    # A camera after all.
    await insured.page.get_by_role("button", name="Remettre la caméra").click()
    await doctor.sees_and_hears()


async def test_a_reload_switches_nothing_on_that_was_switched_off(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await in_call(doctor, insured)
    await insured.page.get_by_role("button", name="Couper le micro").click()
    await insured.page.get_by_role("button", name="Couper la caméra").click()
    await doctor.page.get_by_text("Caméra coupée · Micro coupé").wait_for()
    await insured.page.reload()
    await insured.reaches("live")
    await insured.page.get_by_role("button", name="Remettre le micro").wait_for()
    await doctor.page.get_by_text("Caméra coupée · Micro coupé").wait_for()
    sends = (
        "document.querySelector('[data-call]').mountedCall.call.own.stream.getTracks().some((track) => track.enabled)"
    )
    assert not await insured.page.evaluate(sends)
    await insured.page.get_by_role("button", name="Remettre le micro").click()
    await insured.page.get_by_role("button", name="Remettre la caméra").click()
    await insured.page.wait_for_function(f"() => {sends.replace('some', 'every')}")
    await doctor.page.get_by_text("Caméra coupée").wait_for(state="hidden")
    await doctor.sees_and_hears()


@pytest.mark.parametrize(
    ("name", "message", "said", "press"),
    [
        ("NotAllowedError", "Permission denied", "La caméra et le micro sont refusés", "J’ai autorisé, réessayer"),
        (
            "NotAllowedError",
            "Permission denied by system",
            "Votre appareil refuse la caméra",
            "J’ai autorisé, réessayer",
        ),
        ("NotReadableError", "Could not start video source", "La caméra ou le micro est déjà utilisé", "Réessayer"),
        ("NotFoundError", "Requested device not found", "Aucune caméra ni micro trouvés", "Réessayer"),
    ],
)
async def test_each_refusal_is_explained_and_keeps_nobody_out(
    side: MakeSide, name: str, message: str, said: str, press: str
) -> None:
    insured = await side("insured")
    await insured.page.add_init_script(REFUSES.format(name=name, message=message))
    await arrives(insured)
    await insured.page.get_by_role("heading", name=said).wait_for()
    assert await insured.page.get_by_role("button", name=press).is_visible()
    assert await insured.page.locator(".call__phone-number").is_visible()
    found = await Axe().run(insured.page, context=".call")
    assert found.violations_count == 0, found.generate_report()
    await insured.page.get_by_role("button", name="Entrer quand même").click()
    await insured.reaches("waiting")


async def test_inside_an_application_the_link_leads_to_another_browser(side: MakeSide, server: CallServer) -> None:
    insured = await side("insured")
    await insured.page.add_init_script(WITHOUT_INTERFACE)
    await arrives(insured)
    await insured.page.get_by_role("heading", name="Ouvrez ce lien dans votre navigateur").wait_for()
    await insured.page.get_by_role("button", name="Copier le lien").click()
    field = insured.page.locator(".call__link")
    await field.wait_for()
    assert await field.input_value() == f"{server.url}/i/a-link-for-another-browser", (
        "the page's own address would not do"
    )


async def test_written_lines_go_both_ways_and_are_kept_nowhere(
    side: MakeSide, room: Room, capfd: pytest.CaptureFixture[str]
) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await in_call(doctor, insured)
    await more(insured, "Écrire un message")
    assert await insured.page.get_by_text("Ces messages ne sont pas conservés").is_visible()
    await insured.page.get_by_label("Votre message").fill(f"<b>{SECRET}</b>")
    await insured.page.keyboard.press("Enter")

    card = doctor.page.locator(".call__hint--written")
    await card.get_by_text(f"<b>{SECRET}</b>").wait_for()
    assert await doctor.page.locator(".call__badge").inner_text() == "1"
    await card.get_by_role("button", name="Répondre").click()
    assert await doctor.page.locator(".call__badge").is_hidden()
    assert await doctor.page.locator(".call__said b").count() == 0, "what is written stays text"
    await doctor.page.get_by_label("Votre message").fill("Je vous lis.")
    await doctor.page.get_by_role("button", name="Envoyer").click()
    await insured.page.locator(".call__line").get_by_text("Je vous lis.").wait_for()
    for each in (doctor, insured):
        found = await Axe().run(each.page, context=".call")
        assert found.violations_count == 0, found.generate_report()

    # Nobody at the other end: said, and nothing typed is lost.
    await doctor.page.close()
    await insured.page.get_by_label("Votre message").fill("Vous êtes là ?")
    await insured.page.get_by_role("button", name="Envoyer").click()
    await insured.page.get_by_text("Pas remis").wait_for()
    assert await insured.page.get_by_label("Votre message").input_value() == "Vous êtes là ?"

    path = Path(room.server.database_url.split("///")[1])
    with sqlite3.connect(path) as base:
        assert SECRET not in "\n".join(base.iterdump())
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err


async def test_lines_that_nobody_reads_yet_and_lines_that_come_too_fast_are_given_back(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await asyncio.gather(doctor.enter(), insured.enter())
    await insured.reaches("waiting")
    write = "text => document.querySelector('[data-call]').mountedCall.call.chat(text)"
    field = insured.page.get_by_label("Votre message")
    await insured.page.evaluate(write, "Je suis là")
    await insured.page.get_by_text("Pas remis").wait_for()
    assert await field.input_value() == "Je suis là"
    await field.fill("")

    await doctor.admit()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    lines = [f"ligne {number}" for number in range(12)]
    await insured.page.evaluate(f"lines => lines.forEach({write})", lines)
    await insured.page.get_by_text("Trop de messages à la fois").wait_for()
    await doctor.page.locator(".call__badge").first.wait_for()
    # How many pass depends on how long ago the first was written: the others come back one by one.
    await asyncio.sleep(2)
    heard = await doctor.page.locator(".call__said").all_text_contents()
    given_back = (await field.input_value()).split("\n")
    assert len(heard) <= 11
    assert sorted([*heard, *given_back]) == sorted(lines), "nothing is lost"
    await insured.sees_and_hears()


async def test_who_switches_off_before_being_let_in_is_neither_heard_nor_seen(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await asyncio.gather(doctor.enter(), insured.enter())
    await insured.reaches("waiting")
    for name in ("Couper le micro", "Couper la caméra"):
        await insured.page.get_by_role("button", name=name).click()
    await doctor.admit()
    await insured.reaches("live")
    await insured.sees_and_hears()
    switched_on = (
        "document.querySelector('[data-call]').mountedCall.call.own.stream.getTracks().filter(it => it.enabled).length"
    )
    assert await insured.page.evaluate(switched_on) == 0
    before = await doctor.statistics()
    await asyncio.sleep(1.5)
    after = await doctor.statistics()
    assert after["audioEnergy"] - before["audioEnergy"] < 1e-6
    assert after["framesDecoded"] - before["framesDecoded"] <= 3
    for name in ("Remettre le micro", "Remettre la caméra"):
        await insured.page.get_by_role("button", name=name).click()
    await doctor.sees_and_hears()


async def test_on_a_network_that_stays_poor_the_sound_is_kept_by_itself(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await insured.page.add_init_script(LOSSY)
    await in_call(doctor, insured)
    await insured.page.get_by_text("Connexion bonne").wait_for()
    await insured.page.evaluate("window.isLossy = true")
    await insured.page.get_by_text("Connexion faible", exact=True).wait_for()
    await insured.page.get_by_role("heading", name="Image arrêtée pour garder le son").wait_for(timeout=25_000)
    await doctor.page.get_by_text("Son seul de l’autre côté").wait_for()
    before = await insured.statistics()
    await asyncio.sleep(1.5)
    after = await insured.statistics()
    assert after["framesDecoded"] - before["framesDecoded"] <= 3, "the doctor's picture is still sent"
    assert after["audioEnergy"] > before["audioEnergy"]
    found = await Axe().run(insured.page, context=".call")
    assert found.violations_count == 0, found.generate_report()

    await insured.page.evaluate("window.isLossy = false")
    await insured.page.get_by_role("button", name="Remettre l’image").click()
    await asyncio.gather(insured.sees_and_hears(), doctor.sees_and_hears())
    assert {await doctor.attempts_made(), await insured.attempts_made()} == {1}


async def test_a_document_and_the_screen_are_shown_and_put_away(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await insured.page.add_init_script(SCREEN)
    await in_call(doctor, insured)
    await more(insured, "Montrer un document")
    await doctor.page.get_by_text("Un document vous est montré").wait_for()
    own = "getComputedStyle(document.querySelector('.call__own-picture')).transform"
    assert await insured.page.evaluate(own) == "none", "what others read is not mirrored"
    assert await insured.page.evaluate(
        "document.querySelector('.call__own-picture').srcObject.getVideoTracks()[0].contentHint === 'detail'"
    )
    await asyncio.gather(insured.sees_and_hears(), doctor.sees_and_hears())
    await insured.page.get_by_role("button", name="Ne plus montrer").first.click()
    await doctor.page.locator(".call__hint").first.wait_for(state="hidden")

    await more(insured, "Montrer mon écran")
    await doctor.page.get_by_text("Un écran vous est montré").wait_for()
    await doctor.page.wait_for_function(
        "() => Math.abs(document.querySelector('.call__remote').videoWidth / 16 - document.querySelector('.call__remote').videoHeight / 9) < 2"
    )
    assert (
        await doctor.page.evaluate("getComputedStyle(document.querySelector('.call__remote')).objectFit") == "contain"
    )
    # Stopped from the browser's own bar: the face is back.
    await insured.page.evaluate("sharedScreen.stop(), sharedScreen.dispatchEvent(new Event('ended'))")
    await doctor.page.locator(".call__hint").first.wait_for(state="hidden")
    await asyncio.gather(insured.sees_and_hears(), doctor.sees_and_hears())
    assert {await doctor.attempts_made(), await insured.attempts_made()} == {1}, "no new negotiation"


async def test_leaving_offers_to_come_back_on_the_same_page(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await in_call(doctor, insured)
    await insured.page.get_by_role("button", name="Quitter").click()
    await insured.page.get_by_role("heading", name="Vous avez quitté l’appel").wait_for()
    assert await insured.page.locator(".call__phone-number").is_visible()
    assert (await doctor.title()).startswith("L’assuré a quitté l’appel à ")
    await insured.page.get_by_role("button", name="Revenir dans l’appel").click()
    await insured.reaches("waiting")
    await doctor.admit()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    await insured.sees_and_hears()


async def test_sound_that_the_browser_refuses_has_a_large_button(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await insured.page.add_init_script(SILENT_PLAYER)
    await in_call(doctor, insured)
    press = insured.page.get_by_role("button", name="Activer le son")
    await press.wait_for()
    await doctor.page.get_by_text("Son navigateur bloque le son").wait_for()
    await press.click()
    await press.wait_for(state="hidden")
    await insured.sees_and_hears()


async def test_by_keyboard_alone(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await in_call(doctor, insured)
    keys = insured.page.keyboard
    await keys.press("Alt+m")
    await insured.page.get_by_role("button", name="Remettre le micro").wait_for()
    await keys.press("Alt+m")
    await keys.press("Alt+v")
    await insured.page.get_by_role("button", name="Remettre la caméra").wait_for()
    await keys.press("Alt+v")
    await keys.press("Alt+p")
    await insured.page.get_by_text("Au clavier").wait_for()
    assert await insured.page.evaluate("document.activeElement.textContent") == "Écrire un message"
    await keys.press("Escape")
    assert await insured.page.evaluate("document.activeElement.classList.contains('call__button--more')")
    await keys.press("Alt+c")
    await keys.type("Bonjour")
    await keys.press("Enter")
    await doctor.page.locator(".call__hint--written").get_by_text("Bonjour").wait_for()
    await keys.press("Escape")
    await insured.page.locator(".call__panel--chat").wait_for(state="hidden")


@pytest.mark.parametrize("lang", ["fr", "en"])
async def test_everything_fits_the_narrowest_telephone_and_large_text(side: MakeSide, lang: str) -> None:
    """320 px with letters of twice the size: nothing to scroll sideways, every button large enough for a finger."""
    doctor, insured = await side("doctor"), await side("insured", viewport={"width": 320, "height": 640})
    await doctor.enter()
    await insured.enter(start="devices", lang=lang)
    await insured.reaches("devices")
    await _fits(insured)
    await goes_in(insured)
    await doctor.admit()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    await insured.page.locator(".call__button--more").click()
    await _fits(insured)


async def _fits(side: Side) -> None:
    for size in ("100%", "200%"):
        await side.page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
        assert await side.page.evaluate("document.documentElement.scrollWidth") <= 320
        small = await side.page.evaluate(
            "[...document.querySelectorAll('.call button, .call select, .call summary')].filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.textContent)"
        )
        assert small == []
    await side.page.evaluate("document.documentElement.style.fontSize = ''")
    found = await Axe().run(side.page, context=".call")
    assert found.violations_count == 0, found.generate_report()
