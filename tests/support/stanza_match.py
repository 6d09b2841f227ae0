"""Compares a received stanza with a pattern written as XML.

Named attributes must match, others are free. Text is compared trimmed, when the pattern has any. Listed children must be there
in any order; <absent>…</absent> lists children that must not be. In attributes and text: {any} is any text, {name} a known
value, {name=any} binds what comes there for later.
"""
import re
import xml.etree.ElementTree as ET

from .xmpp_wire import CLIENT, pretty

_TOKEN = re.compile(r"\{([a-z_]\w*)(=[^{}]*)?\}")
ABSENT = CLIENT + "absent"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class PatternError(ValueError):
    pass


def parse(text):
    """One stanza; the default namespace is jabber:client."""
    try:
        wrapped = ET.fromstring(f'<w xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">{text}</w>')
    except ET.ParseError as problem:
        raise PatternError(f"not well-formed: {problem} in {text!r}") from None
    if len(wrapped) != 1:
        raise PatternError(f"expected one stanza in {text!r}")
    return wrapped[0]


def substitute(text, values):
    """Fills {name} for sending. Unknown names are an error; {any} makes no sense here."""
    def fill(match):
        name = match.group(1)
        if match.group(2) or name not in values:
            raise PatternError(f"{match.group(0)} is not known here")
        value = values[name]
        return value.sent if isinstance(value, Address) else value
    return _TOKEN.sub(fill, text)


class Address:
    """The agent's address: sent as is; as a pattern it may match with a resource (client mode)."""

    def __init__(self, sent, with_resource):
        self.sent, self.with_resource = sent, with_resource

    def regex(self):
        return re.escape(self.sent) + ("(?:/[^/]+)?" if self.with_resource else "")


def _regex(template, values):
    parts, at = [], 0
    for match in _TOKEN.finditer(template):
        parts.append(re.escape(template[at:match.start()]))
        name, bind = match.group(1), match.group(2)
        if bind is not None:
            parts.append(f"(?P<{name}>.*)")
        elif name == "any":
            parts.append(".*")
        elif name in values:
            value = values[name]
            parts.append(value.regex() if isinstance(value, Address) else re.escape(value))
        else:
            raise PatternError(f"{match.group(0)} is not bound yet")
        at = match.end()
    return re.compile("".join(parts) + re.escape(template[at:]), re.DOTALL)


def compare(pattern, stanza, values, exactly=False):
    """Returns (differences as a list of sentences, newly bound values). No differences: it matches."""
    bound = {}
    differences = _element(pattern, stanza, values, bound, exactly, pattern.tag.rpartition("}")[2])
    return differences, bound


def _text(template, actual, values, bound, where):
    match = _regex(template, {**values, **bound}).fullmatch(actual)
    if match is None:
        return [f"{where}: expected {template!r}, got {_short(actual)}"]
    bound.update(match.groupdict())
    return []


def _short(text):
    return repr(text) if len(text) <= 300 else repr(text[:300]) + f"… ({len(text)} characters)"


def _element(pattern, stanza, values, bound, exactly, where):
    if pattern.tag != stanza.tag:
        return [f"{where}: expected <{_name(pattern)}>, got <{_name(stanza)}>"]
    differences = []
    for key, template in pattern.attrib.items():
        actual = stanza.get(key)
        if actual is None and key == "type" and template == "normal":
            continue
        if actual is None:
            differences.append(f"{where}: attribute {key}={template!r} is missing")
        else:
            differences += _text(template, actual, values, bound, f"{where} @{key}")
    template = (pattern.text or "").strip()
    if template:
        differences += _text(template, (stanza.text or "").strip(), values, bound, where)
    return differences + _children(pattern, stanza, values, bound, exactly, where)


def _children(pattern, stanza, values, bound, exactly, where):
    differences, taken = [], set()
    for wanted in pattern:
        if wanted.tag == ABSENT:
            for unwanted in wanted:
                if any(not _element(unwanted, child, values, {}, False, "") for child in stanza):
                    differences.append(f"{where}: <{_name(unwanted)}> must not be there")
            continue
        best = None
        for at, child in enumerate(stanza):
            if at in taken or child.tag != wanted.tag:
                continue
            attempt = dict(bound)
            problems = _element(wanted, child, values, attempt, exactly, f"{where}/{wanted.tag.rpartition('}')[2]}")
            if not problems:
                taken.add(at)
                bound.update(attempt)
                best = []
                break
            best = best or problems
        if best is None:
            differences.append(f"{where}: <{_name(wanted)}> is missing")
        else:
            differences += best
    if exactly:
        differences += [f"{where}: unexpected {pretty(child)}" for at, child in enumerate(stanza) if at not in taken]
    return differences


def _name(element):
    space, _, name = element.tag[1:].partition("}") if element.tag.startswith("{") else ("", "", element.tag)
    return name if space == "jabber:client" else f'{name} xmlns="{space}"'


# -- what kind of stanza -------------------------------------------------------------------------------------------------

BODY, IQ, STATE, PRESENCE = "message", "iq", "body-less message", "presence"


def kind(stanza):
    """STATE: messages without text, such as chat states and receipts. Errors count as BODY: nobody may overlook them."""
    name = stanza.tag.rpartition("}")[2]
    if name != "message":
        return {"iq": IQ, "presence": PRESENCE}.get(name, BODY)
    if stanza.get("type") == "error" or stanza.find(CLIENT + "body") is not None:
        return BODY
    return STATE
