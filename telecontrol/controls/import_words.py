"""What an import tells, in French and English: every code of a problem or notice has its sentence here, and only here."""

from __future__ import annotations

from typing import Any

from telecontrol.controls.csv_reading import Problem
from telecontrol.controls.import_report import ImportReport

_WORDS: dict[str, tuple[str, str]] = {
    # The file as a whole.
    "file_empty": ("le fichier est vide", "the file is empty"),
    "file_too_large": ("le fichier dépasse {most} Mo", "the file is larger than {most} MB"),
    "file_not_text": (
        "ce n'est pas un fichier CSV : enregistrez le tableau au format CSV, puis recommencez",
        "this is no CSV file: save the table as CSV and try again",
    ),
    "encodings_mixed": (
        "ligne(s) {lines} : accents enregistrés autrement que dans le reste du fichier ; enregistrez tout le tableau en UTF-8",
        "line(s) {lines}: accents saved in another way than in the rest of the file; save the whole table as UTF-8",
    ),
    "characters_unreadable": (
        "ligne(s) {lines} : un caractère y est illisible ; enregistrez le tableau en UTF-8, puis recommencez",
        "line(s) {lines}: a character cannot be read there; save the table as UTF-8 and try again",
    ),
    "lines_missing": (
        "il n'y a aucune ligne sous les titres : rien à importer",
        "there is no line under the titles: nothing to import",
    ),
    "too_many_lines": ("le fichier dépasse {most} lignes", "the file has more than {most} lines"),
    "quotes_broken": (
        "un guillemet n'est pas fermé, ou se trouve au mauvais endroit, à partir de la ligne {line}",
        "from line {line}, a quote is not closed or stands in the wrong place",
    ),
    "columns_missing": ("colonnes manquantes : {columns}", "missing columns: {columns}"),
    "columns_doubled": ("colonnes présentes deux fois : {columns}", "columns given twice: {columns}"),
    # A line.
    "too_many_cells": (
        "{found} cellules au lieu de {expected} : une valeur contient-elle le séparateur sans guillemets ?",
        "{found} cells instead of {expected}: does a value hold the separator without quotes?",
    ),
    "twice_in_file": ("déjà présent à la ligne {first} du fichier", "already on line {first} of the file"),
    "repeated_in_file": (
        "identique à la ligne {first} du fichier : comptée une seule fois",
        "the same as line {first} of the file: counted once",
    ),
    "already_there_changed": (
        "déjà enregistré avec d'autres données ({columns}) : rien n'a été modifié",
        "already there with other data ({columns}): nothing was changed",
    ),
    "control_open": (
        "cette personne a déjà un contrôle en cours pour le même arrêt",
        "this person is already under a control of the same leave",
    ),
    "birth_on_absent": (
        "sans date de naissance, la personne devra téléphoner pour ouvrir sa page",
        "without a birth date the person will have to phone to open their page",
    ),
    "email_absent": ("pas de courriel : à traiter par le bureau", "no e-mail address: the desk will have to see to it"),
    "phone_absent": ("pas de mobile : à traiter par le bureau", "no mobile number: the desk will have to see to it"),
    # A cell.
    "value_missing": ("valeur obligatoire", "a value is needed"),
    "too_long": ("plus de {most} caractères", "longer than {most} characters"),
    "control_characters": ("caractères de commande interdits", "control characters are not accepted"),
    "name_without_letters": ("un nom contient des lettres", "a name has letters"),
    "day_malformed": ("date attendue : 2026-03-24 ou 24/03/2026", "a day is written 2026-03-24 or 24/03/2026"),
    "day_not_real": ("cette date n'existe pas", "this day does not exist"),
    "birth_date_implausible": ("date de naissance peu vraisemblable", "not a plausible birth date"),
    "leave_out_of_order": ("l'arrêt finit avant de commencer", "the leave ends before it starts"),
    "leave_over": ("l'arrêt est terminé", "the leave is over"),
    "leave_too_long": (
        "arrêt de plus de trois ans : vérifiez les dates",
        "a leave of over three years: check the dates",
    ),
    "leave_too_far_ahead": (
        "l'arrêt commence dans plus d'un an : vérifiez les dates",
        "the leave starts more than a year ahead: check the dates",
    ),
    "email_malformed": ("adresse électronique mal formée", "not an e-mail address"),
    "phone_unreadable": ("numéro de téléphone illisible", "not a phone number"),
    "phone_fixed_line": (
        "ligne fixe : un SMS n'arrivera pas, donnez un mobile ou laissez vide",
        "a fixed line: an SMS cannot reach it, give a mobile number or leave empty",
    ),
    "phone_premium": ("numéro spécial : donnez un mobile ou laissez vide", "a special-rate number: give a mobile one"),
    "phone_not_mobile": ("ce numéro ne reçoit pas de SMS", "this number cannot receive an SMS"),
    "language_unknown": ("langue attendue : fr ou en", "the language is fr or en"),
    "postcode_malformed": (
        "cinq chiffres attendus (le zéro de tête a-t-il disparu ?)",
        "a French postcode has five digits (was a leading zero lost?)",
    ),
    "postcode_not_served": ("ce territoire n'est pas desservi", "this territory is not served"),
    "zone_unknown": ("fuseau inconnu (exemple : Europe/Paris)", "unknown zone (for example Europe/Paris)"),
    "rpps_malformed": ("un numéro RPPS a 11 chiffres", "an RPPS number has 11 digits"),
    "rpps_key_wrong": ("numéro RPPS erroné : la clé ne correspond pas", "the key of this RPPS number is wrong"),
    "procedure_unknown": ("procédure attendue : A, B ou C", "the procedure is A, B or C"),
    "insurer_unknown": ("aucun assureur n'a ce code", "no insurer has this code"),
    "insurer_missing": ("l'assureur doit être indiqué", "the insurer must be named"),
    # Doctors and sites.
    "range_malformed": (
        "« {part} » : écrivez par exemple lun 09:00-12:00 video",
        "“{part}”: write for example mon 09:00-12:00 video",
    ),
    "range_backwards": ("« {part} » : la fin précède le début", "“{part}” ends before it begins"),
    "ranges_overlap": ("deux plages se chevauchent ({part})", "two ranges overlap ({part})"),
    "weekday_unknown": ("jour inconnu : « {part} » (lun, mar … dim)", "unknown day “{part}” (mon, tue … sun)"),
    "hour_malformed": (
        "heure illisible : « {part} » (exemple : 09:00)",
        "unreadable hour “{part}” (for example 09:00)",
    ),
    "place_missing": (
        "« {part} » : indiquez video ou le code d'un site",
        "“{part}”: say video or the code of a site",
    ),
    "site_unknown": ("aucun site n'a le code « {part} »", "no site has the code “{part}”"),
    "approval_malformed": (
        "« {part} » : écrivez par exemple A 2026-01-01..2026-12-31",
        "“{part}”: write for example A 2026-01-01..2026-12-31",
    ),
    "user_unknown": ("aucun compte de médecin n'a cette adresse", "no doctor's account has this address"),
    "user_taken": ("ce compte est déjà celui d'un autre médecin", "this account belongs to another doctor already"),
    "department_unknown": ("département inconnu : « {part} »", "unknown department “{part}”"),
    "code_malformed": (
        "un code se compose de lettres, de chiffres et de tirets, sans espace",
        "a code has letters, digits and hyphens, without spaces",
    ),
    "code_reserved": ("ce code a un autre sens", "this code means something else"),
}
LANGUAGES = ("fr", "en")


def say(code: str, params: dict[str, Any] | None = None, *, language: str = "fr") -> str:
    """The sentence of a code. Raises `KeyError` for one that has none: a defect."""
    given = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in (params or {}).items()
    }
    return _WORDS[code][LANGUAGES.index(language)].format_map(given)


def say_problem(problem: Problem, *, language: str = "fr") -> str:
    """Line, column and reason: `ligne 12, colonne « mobile » : …`."""
    reason = say(problem.code, problem.params, language=language)
    if not problem.line:
        return reason
    if language == "fr":
        where = f"ligne {problem.line}" + (f", colonne « {problem.column} »" if problem.column else "")
        return f"{where} : {reason}"
    where = f"line {problem.line}" + (f", column “{problem.column}”" if problem.column else "")
    return f"{where}: {reason}"


def known_codes() -> frozenset[str]:
    """Every code that has words."""
    return frozenset(_WORDS)


_SUMMARIES = {
    "fr": {
        "unreadable": "Le fichier n'a pas pu être importé ; rien n'a été enregistré.",
        "withdrawn": "Rien n'a été enregistré : {rejected} ligne(s) sur {total} à corriger.",
        "rehearsal": "Essai, rien n'a été enregistré : ",
        "counts": "{total} ligne(s) lue(s), {created} créée(s), {updated} mise(s) à jour, {unchanged} inchangée(s), "
        "{changed} déjà connue(s) avec d'autres données, {rejected} refusée(s).",
        "ignored": "Colonnes ignorées : {columns}.",
    },
    "en": {
        "unreadable": "The file could not be imported; nothing was saved.",
        "withdrawn": "Nothing was saved: {rejected} of {total} line(s) to correct.",
        "rehearsal": "Rehearsal, nothing was saved: ",
        "counts": "{total} line(s) read, {created} created, {updated} updated, {unchanged} unchanged, "
        "{changed} already known with other data, {rejected} refused.",
        "ignored": "Columns passed over: {columns}.",
    },
}


def say_summary(report: ImportReport, *, language: str = "fr") -> str:
    """What became of the whole file, in one or two sentences."""
    words = _SUMMARIES[language]
    if report.file_problem is not None:
        return words["unreadable"]
    if report.is_applied or report.is_rehearsal:
        said = words["counts"].format(
            total=report.total,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            changed=report.changed,
            rejected=report.rejected,
        )
        said = words["rehearsal"] + said if report.is_rehearsal else said
    else:
        said = words["withdrawn"].format(rejected=report.rejected, total=report.total)
    if report.ignored_columns:
        said += " " + words["ignored"].format(columns=", ".join(report.ignored_columns))
    return said
