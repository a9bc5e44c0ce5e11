"""Medical words in a line that must stay administrative (PROMISES P13). Pure.

A net, not a proof: it catches what is written by habit and says so politely, so that the doctor moves it to the sealed notes.
Words are compared without accents or case, from their beginning (`depress` catches `dépression` and `dépressive`).
"""

from __future__ import annotations

import re
import unicodedata

_LISTED = """
    addict alcool allerg anemi angin antibio antidepress anxi aphasi arthr asthm
    bipolaire bless bronch burn-out burnout
    cancer cardia cardio cephal cervical chimio chirurg cholest cicatri cirrho cliniq coloscop comorbid covid
    deliri demen depress diabet diagnos dialys diarrh doliprane dorsal douleur
    echograph eczema embol endometrio entorse epileps epuise
    fibromyal fievre fractur
    gastr gripp grossesse gynec
    handicap hematom hemorr hepati herni hopita hospital hypertens
    ibuprof infarct infect infirm insomni insulin
    kinesi
    lesion leucem lombal lumbago lymph
    malad medicament melanom mening menopaus migrain morphin
    nause neurol nevralg
    obes oedem oncolog ordonnance orthoped osteo otit
    paracetamol patholog perfusion phobi pneumo posolog pronostic prothes psych pulmon
    radiotherap rhumat
    sangu schizo sciati seropositi souffr spasm stress suicid symptom syndrom
    tachycard tendin thyro toxicoman traitement traumat tubercul tumeur
    ulcere
    vaccin vertig vomi
    abortion anxiet backpain contagious depression disabilit disease dizz drug fever flu-like headache heart-attack
    illness injur medicat medicine miscarriage pregnan prescription sick stroke surgeon surgical therap treatment tumor
    tumour wound
"""
_BEGINNINGS = tuple(_LISTED.split())
_WHOLE = frozenset({"avc", "flu", "hiv", "irm", "malaise", "pain", "pains", "sida", "soins", "vih"})
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")


def medical_words_in(text: str) -> list[str]:
    """The medical words of `text`, in order, each once; empty when there is none that the net knows."""
    text = unicodedata.normalize("NFC", text)
    found: dict[str, None] = {}
    for word in _WORD.finditer(_plain(text)):
        if _is_medical(word.group()):
            found.setdefault(text[word.start() : word.end()], None)
    return list(found)


def _is_medical(word: str) -> bool:
    return word in _WHOLE or word.startswith(_BEGINNINGS)


def _plain(text: str) -> str:
    """Lower case without accents, of the same length, so that positions stay those of `text`."""
    return "".join(_plain_letter(letter) for letter in text)


def _plain_letter(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)[:1].lower()
    return base if len(base) == 1 else letter
