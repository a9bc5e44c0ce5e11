"""Who opens which pages, in which order."""

from __future__ import annotations

from scripts.tour.call import the_call
from scripts.tour.guide import Tour, open_link, tell_birth_date
from telecontrol.web import paths


def insured_before(tour: Tour) -> None:
    page, told = tour.visitor(), tour.told("2026-11-27T08:00")
    page.goto(told["link"])
    tour.take(page, "insured-gate")
    page.get_by_role("button", name="Continuer").click()
    tour.take(page, "insured-birth-date")
    tell_birth_date(page, told)
    tour.take(page, "insured-before")
    page.goto(paths.CANNOT_COME)
    tour.take(page, "insured-cannot-come")
    page.goto(paths.DECLINE)
    tour.take(page, "insured-decline")
    page.get_by_role("button", name="Oui, je préfère sur place").click()
    tour.take(page, "insured-declined")


def insured_in_person(tour: Tour) -> None:
    page = tour.visitor()
    open_link(page, tour.told("2026-11-26T13:00"))
    tour.take(page, "insured-in-person")


def desk(tour: Tour) -> None:
    page = tour.staff("handler")
    page.goto(paths.DESK)
    tour.take(page, "desk-home")
    page.get_by_test_id("task-row").get_by_role("link", name="Planifier").first.click()
    tour.take(page, "desk-booking")
    # Yesterday's unjustified leave: the control that has the whole story.
    whole = next(each for each in tour.facts["insured"] if each["starts_at"].startswith("2026-11-23T09:00"))
    page.goto(paths.control(whole["control_id"]))
    tour.take(page, "desk-control")
    page.goto(paths.DESK_APPOINTMENTS)
    tour.take(page, "desk-appointments")
    page.goto(paths.DESK_IMPORT)
    tour.take(page, "desk-import")


def administration(tour: Tour) -> None:
    page = tour.staff("admin")
    page.goto(paths.ADMIN_ORGANISATIONS)
    tour.take(page, "admin-organisations")
    page.goto(paths.ADMIN_DOCTORS)
    tour.take(page, "admin-doctors")
    page.goto(paths.ADMIN_POLICIES)
    tour.take(page, "admin-policies")


def post(tour: Tour) -> None:
    """A mailbox, a phone, and the insurer who receives reports."""
    page = tour.visitor()
    for name, box in (("outbox-mail", "@"), ("outbox-sms", "+33")):
        page.goto(paths.OUTBOX)
        page.locator("a.mailbox__box", has_text=box).first.click()
        page.locator("a.mailbox__message").last.click()
        page.wait_for_load_state("networkidle")
        tour.take(page, name)
    page.goto(paths.LOCAL_INSURER)
    tour.take(page, "insurer")


def overview(tour: Tour) -> None:
    """A laptop and a phone side by side, for the first page of the repository."""
    page = tour.browser.new_page(viewport={"width": 1200, "height": 640}, device_scale_factor=1.5)
    laptop, phone = tour.album.address("doctor-room-laptop"), tour.album.address("insured-before-phone")
    page.set_content(
        f"""<style>
        body {{ margin: 0; width: 1200px; height: 640px; background: linear-gradient(160deg, #e9eff4, #cfdce6); position: relative }}
        img {{ position: absolute; display: block; background: #fff; box-shadow: 0 18px 50px rgb(20 40 60 / .28) }}
        .laptop {{ left: 44px; top: 58px; width: 836px; border-radius: 10px }}
        .phone {{ right: 40px; top: 48px; width: 236px; border-radius: 24px; border: 7px solid #17222b }}
        </style>
        <img class="laptop" src="{laptop}">
        <img class="phone" src="{phone}">"""
    )
    page.wait_for_timeout(200)
    tour.album.add("overview", page.screenshot(), width=1200, tolerance=0.2)


WALKS = (insured_before, insured_in_person, the_call, desk, administration, post, overview)
