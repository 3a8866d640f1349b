"""Reads e-mails, HL7 v2 messages and FHIR resources."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from app.domain.names import clean_file_name
from backends.loaders.markup import read_html
from backends.loaders.texts import decode, flatten, parse_json
from backends.loaders.writing import DocumentWriter, ReaderError

_HL7_NAMES = {
    "PID": "Patient",
    "PV1": "Visit",
    "OBR": "Order",
    "OBX": "Result",
    "DG1": "Diagnosis",
    "AL1": "Allergy",
    "RXE": "Medication",
    "RXA": "Administration",
    "NTE": "Note",
    "ORC": "Order",
}
_HL7_FIELDS = {
    "PID": {3: "identifier", 5: "name", 7: "born", 8: "sex"},
    "PV1": {2: "class", 3: "location", 7: "attending doctor", 44: "admitted", 45: "discharged"},
    "OBR": {4: "test", 7: "observed"},
    "DG1": {3: "diagnosis", 4: "description", 5: "date"},
    "AL1": {2: "kind", 3: "allergy", 4: "severity", 5: "reaction"},
    "RXE": {2: "medication", 3: "amount", 5: "unit"},
    "RXA": {5: "medication", 6: "amount", 7: "unit"},
    "NTE": {3: "note"},
}
_HL7_RESULT = ["test", "value", "unit", "reference range", "flag", "observed"]
_FHIR_SKIPPED = frozenset({"meta", "text", "identifier", "extension", "implicitRules", "contained", "resourceType"})


def parse_email(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def read_email(content: bytes, writer: DocumentWriter) -> None:
    """Subject as title, sender, receivers and date as first paragraph, then the body; attachments are not read here."""
    message = parse_email(content)
    subject = " ".join(str(message.get("subject", "")).split())
    if not subject and not message.get("from"):
        raise ReaderError("The file is not an e-mail although its name says so: check it and add it again.")
    writer.add_heading(subject or "E-mail without subject", level=1)
    lines = [f"{name}: {message.get(name)}" for name in ("From", "To", "Cc", "Date") if message.get(name)]
    writer.add_paragraph("\n".join(" ".join(line.split()) for line in lines))
    body = message.get_body(("plain", "html"))
    if body is None:
        return
    try:
        text = body.get_content()
    except (LookupError, ValueError):
        payload = body.get_payload(decode=True)
        text = decode(payload) if isinstance(payload, bytes) else ""
    if body.get_content_subtype() == "html":
        title = writer.title
        read_html(str(text).encode("utf-8-sig"), writer)  # its mark goes before what the page says of its encoding
        writer.title = title
    else:
        for block in re.split(r"\n[ \t]*\n", str(text).replace("\r\n", "\n")):
            writer.add_paragraph(block)


def attachments_of(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each attachment; inline pictures are left out."""
    for number, part in enumerate(parse_email(content).iter_attachments(), start=1):
        if part.get_content_maintype() == "image":
            continue
        if part.get_content_type() == "message/rfc822":
            inner = part.get_content()
            yield clean_file_name(part.get_filename() or f"message-{number}.eml"), bytes(inner)
            continue
        data = part.get_payload(decode=True)
        if isinstance(data, bytes) and data:
            yield clean_file_name(part.get_filename() or f"attachment-{number}.txt"), data


def read_hl7(content: bytes, writer: DocumentWriter) -> None:
    """Each message: patient, visit and orders as rows of named fields, results as one table."""
    import hl7

    framed = decode(content).replace("\x0b", "").replace("\x1c", "")  # MLLP's marks of begin and end
    text = framed.replace("\r\n", "\r").replace("\n", "\r").strip()
    bodies = [part for part in re.split(r"(?=MSH\|)", text) if part.startswith("MSH|")]
    if not bodies:
        raise ReaderError("The HL7 file holds no message that begins with MSH: export it again.")
    for number, body in enumerate(bodies, start=1):
        try:
            message = hl7.parse(body)
        except hl7.HL7Exception as error:
            raise ReaderError(f"HL7 message {number} cannot be read: export it again.") from error
        writer.add_heading(f"HL7 message {_field(message[0], 9)}".strip(), level=1)
        results = [_result(segment) for segment in message if str(segment[0]) == "OBX"]
        for segment in message:
            _read_segment(segment, writer)
        if results:
            writer.add_table([_HL7_RESULT, *results])


def _read_segment(segment: Any, writer: DocumentWriter) -> None:
    kind = str(segment[0])
    fields = _HL7_FIELDS.get(kind)
    if not fields:
        return
    found = [(name, _field(segment, place)) for place, name in fields.items()]
    writer.add_row([_HL7_NAMES[kind], *(name for name, _ in found)], [_HL7_NAMES[kind], *(value for _, value in found)])


def _result(segment: Any) -> list[str]:
    return [_field(segment, place) for place in (3, 5, 6, 7, 8, 14)]


def _field(segment: Any, place: int) -> str:
    """A field's readable part: names in order, the text of a code, a date as YYYY-MM-DD."""
    try:
        raw = str(segment[place])
    except (IndexError, KeyError):
        return ""
    parts = [part for part in raw.split("~", maxsplit=1)[0].split("^") if part]
    if re.fullmatch(r"\d{8}(\d{4,6})?([+-]\d{4})?", raw):
        return f"{raw[:4]}-{raw[4:6]}-{raw[6:8]}"
    if len(parts) >= 2 and str(segment[0]) == "PID" and place == 5:
        return f"{parts[1]} {parts[0]}"
    return parts[1] if len(parts) >= 2 and re.fullmatch(r"[\w.-]+", parts[0]) else " ".join(parts)


def read_fhir(content: bytes, writer: DocumentWriter) -> None:
    """Every resource of a bundle as a row of its named values; narrative and technical parts are left out."""
    for record in parse_json(decode(content)):
        resources = [record]
        if isinstance(record, dict) and record.get("resourceType") == "Bundle":
            resources = [entry.get("resource") for entry in record.get("entry") or [] if isinstance(entry, dict)]
        for resource in resources:
            if isinstance(resource, dict) and resource.get("resourceType"):
                _read_resource(resource, writer)


def _read_resource(resource: dict[str, Any], writer: DocumentWriter) -> None:
    kind = str(resource["resourceType"])
    kept = {key: value for key, value in resource.items() if key not in _FHIR_SKIPPED}
    label = f"{kind} {_fhir_label(resource)}".strip()
    found: dict[str, list[str]] = {}
    for path, value in flatten(kept):
        if re.search(r"\b(system|url|reference|id|use|code)$", path) and "status" not in path:
            continue
        found.setdefault(path.replace(" coding display", "").replace(" text", ""), []).append(value)
    names = [kind, *found]
    writer.add_row(names, [label, *(", ".join(dict.fromkeys(values)) for values in found.values())])


def _fhir_label(resource: dict[str, Any]) -> str:
    name = resource.get("name")
    if isinstance(name, list) and name and isinstance(name[0], dict):
        return " ".join([*map(str, name[0].get("given") or []), str(name[0].get("family", ""))]).strip()
    code = resource.get("code") or resource.get("medicationCodeableConcept") or resource.get("vaccineCode")
    if isinstance(code, dict):
        codings = code.get("coding") or [{}]
        return str(code.get("text") or codings[0].get("display") or "")
    return str(name) if isinstance(name, str) else ""
