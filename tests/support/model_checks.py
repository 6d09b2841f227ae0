"""Refuses what the real providers would refuse, so that a malformed history fails a test. Each check returns a reason or "".

Also finds the newest user text and tool results of a request in each wire format.
"""
import json
import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANTHROPIC_KEYS = {"model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "temperature", "metadata",
                   "stop_sequences", "thinking", "top_p", "top_k", "service_tier"}
_OPENAI_KEYS = {"model", "messages", "tools", "tool_choice", "stream", "stream_options", "temperature", "max_tokens",
                "max_completion_tokens", "top_p", "stop", "user", "n", "parallel_tool_calls", "response_format", "seed",
                "reasoning_effort"}


class Refused(ValueError):
    pass


def _need(condition, reason):
    if not condition:
        raise Refused(reason)


def check(provider, headers, body):
    try:
        _need(isinstance(body, dict), "the body is not a JSON object")
        _need(headers.get("content-type", "").startswith("application/json"), "content-type must be application/json")
        if provider == "gemini":
            _gemini(headers, body)
            return ""
        _need(isinstance(body.get("model"), str) and body["model"], "model: field required")
        _need(isinstance(body.get("messages"), list) and body["messages"], "messages: at least one message is required")
        for at, message in enumerate(body["messages"]):
            _need(isinstance(message, dict) and "role" in message, f"messages.{at}: role: field required")
        {"anthropic": _anthropic, "openai": _openai, "ollama": _ollama}[provider](headers, body)
    except Refused as reason:
        return str(reason)
    except (KeyError, TypeError, AttributeError) as problem:
        return f"malformed request: {problem!r}"
    return ""


# -- Anthropic Messages --------------------------------------------------------------------------------------------------

def _anthropic(headers, body):
    _need(headers.get("x-api-key"), "x-api-key header is required")
    _need(headers.get("anthropic-version"), "anthropic-version: header is required")
    unknown = sorted(set(body) - _ANTHROPIC_KEYS)
    _need(not unknown, f"{unknown}: extra inputs are not permitted")
    _need(isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 0, "max_tokens: must be greater than 0")
    system = body.get("system", "x")
    if isinstance(system, list):
        _need(system, "system: list must not be empty")
        for block in system:
            _need(block["type"] == "text" and block["text"].strip(), "system: text content blocks must be non-empty")
    else:
        _need(isinstance(system, str), "system: must be text or a list of text blocks")
    names = _tools(body, lambda tool: (tool["name"], tool.get("description"), tool["input_schema"]))
    _need(json.dumps(body).count('"cache_control"') <= 4, "a maximum of 4 blocks with cache_control may be provided")
    _anthropic_messages(body["messages"], names)


def _anthropic_messages(messages, tool_names):
    open_calls, seen = set(), set()
    for at, message in enumerate(messages):
        role = message["role"]
        _need(role in ("user", "assistant"), f"messages.{at}.role: {role!r} is not user or assistant")
        _need(role == ("user", "assistant")[at % 2], f"messages.{at}: roles must alternate, beginning with user")
        blocks = message.get("content")
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        _need(isinstance(blocks, list) and blocks, f"messages.{at}: content must be non-empty")
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if role == "user":
            _need(set(results) <= open_calls, f"messages.{at}: unexpected tool_use_id in tool_result: {sorted(set(results))}")
            _need(set(results) == open_calls, f"messages.{at}: tool_use without tool_result: {sorted(open_calls)}")
            _need(len(results) == len(set(results)), f"messages.{at}: more than one tool_result for one tool_use")
            kinds = [block["type"] == "tool_result" for block in blocks]
            _need(kinds == sorted(kinds, reverse=True), f"messages.{at}: tool_result blocks must come first")
            open_calls = set()
        else:
            _need(not results, f"messages.{at}: tool_result in an assistant message")
        for block in blocks:
            _anthropic_block(at, role, block, seen, open_calls)
    _need(messages[-1]["role"] == "user", "the last message must be from the user")
    _need(tool_names or not seen, "tools: required because the messages contain tool_use blocks")


def _anthropic_block(at, role, block, seen, open_calls):
    kind = block["type"]
    if kind == "text":
        _need(isinstance(block["text"], str) and block["text"].strip(),
              f"messages.{at}: text content blocks must contain non-whitespace text")
    elif kind == "tool_use":
        _need(role == "assistant", f"messages.{at}: tool_use in a user message")
        _need(isinstance(block["input"], dict), f"messages.{at}: tool_use.input must be an object")
        _need(_NAME.fullmatch(block["name"]), f"messages.{at}: tool_use.name {block['name']!r} is not valid")
        _need(block["id"] not in seen, f"messages.{at}: tool_use ids must be unique: {block['id']}")
        seen.add(block["id"])
        open_calls.add(block["id"])
    elif kind == "image":
        _need(role == "user" and block["source"]["type"] in ("base64", "url"), f"messages.{at}: bad image block")
    else:
        _need(kind in ("tool_result", "document", "thinking", "redacted_thinking"), f"messages.{at}: unknown block {kind!r}")


def _tools(body, fields):
    tools = body.get("tools")
    if tools is None:
        return []
    _need(isinstance(tools, list) and tools, "tools: must be a non-empty list when present")
    names = []
    for tool in tools:
        name, description, schema = fields(tool)
        _need(isinstance(name, str) and _NAME.fullmatch(name), f"tools: name {name!r} is not valid")
        _need(isinstance(description, str) and description, f"tools.{name}: description is missing")
        _need(isinstance(schema, dict) and schema.get("type") == "object", f"tools.{name}: schema must have type object")
        names.append(name)
    _need(len(names) == len(set(names)), f"tools: names must be unique: {names}")
    return names


# -- OpenAI chat completions and Ollama ----------------------------------------------------------------------------------

def _function(tool):
    _need(tool["type"] == "function", "tools: type must be function")
    function = tool["function"]
    return function["name"], function.get("description"), function["parameters"]


def _openai(_headers, body):
    unknown = sorted(set(body) - _OPENAI_KEYS)
    _need(not unknown, f"unrecognized request arguments: {unknown}")
    limit = body.get("max_completion_tokens", body.get("max_tokens", 1))
    _need(isinstance(limit, int) and limit > 0, "max_tokens must be greater than 0")
    _need(body.get("stream") or "stream_options" not in body, "stream_options is only allowed when stream is true")
    names = _tools(body, _function)
    open_calls, used = set(), False
    previous = ""
    for at, message in enumerate(body["messages"]):
        role = message["role"]
        _need(role in ("system", "developer", "user", "assistant", "tool"), f"messages[{at}]: unknown role {role!r}")
        if role == "tool":
            _need(message["tool_call_id"] in open_calls, f"messages[{at}]: tool_call_id answers no open tool call")
            open_calls.discard(message["tool_call_id"])
            _need(message.get("content"), f"messages[{at}]: tool content must not be empty")
        else:
            _need(not open_calls, f"messages[{at}]: tool_call_ids without an answer: {sorted(open_calls)}")
        calls = message.get("tool_calls")
        if role == "assistant":
            _need(previous != "assistant", f"messages[{at}]: two assistant messages in a row")
            _need(message.get("content") or calls, f"messages[{at}]: assistant content is empty")
        elif role != "tool":
            _need(message.get("content"), f"messages[{at}]: content must not be empty")
        for call in calls or []:
            _need(role == "assistant" and call["type"] == "function", f"messages[{at}]: bad tool call")
            arguments = call["function"]["arguments"]
            _need(isinstance(arguments, str), f"messages[{at}]: arguments must be a string")
            _need(isinstance(_json(arguments), dict), f"messages[{at}]: arguments are not a JSON object")
            _need(call["id"] and call["id"] not in open_calls, f"messages[{at}]: tool call id missing or repeated")
            open_calls.add(call["id"])
            used = True
        previous = role
    _need(not open_calls, f"tool calls without an answer at the end: {sorted(open_calls)}")
    _need(previous in ("user", "tool"), "the last message must be from the user or a tool")
    _need(names or not used, "tools: required because the messages contain tool calls")


def _ollama(_headers, body):
    options = body.get("options") or {}
    _need(isinstance(options.get("num_ctx"), int) and options["num_ctx"] > 0, "options.num_ctx is missing")
    _tools(body, _function)
    pending, previous = 0, ""
    for at, message in enumerate(body["messages"]):
        role = message["role"]
        _need(role in ("system", "user", "assistant", "tool"), f"messages[{at}]: unknown role {role!r}")
        _need(isinstance(message.get("content", ""), str), f"messages[{at}]: content must be text")
        if role == "tool":
            _need(pending > 0, f"messages[{at}]: a tool result without a call")
            _need(message.get("tool_name"), f"messages[{at}]: tool_name is missing")
            pending -= 1
        else:
            _need(pending == 0, f"messages[{at}]: {pending} tool calls without a result")
        calls = message.get("tool_calls") or []
        _need(message.get("content") or calls or role == "tool", f"messages[{at}]: content is empty")
        _need(role != "assistant" or previous != "assistant", f"messages[{at}]: two assistant messages in a row")
        for call in calls:
            _need(isinstance(call["function"]["arguments"], dict), f"messages[{at}]: arguments must be an object")
            pending += 1
        previous = role
    _need(pending == 0 and previous in ("user", "tool"), "the last message must be from the user or a tool")


# -- Gemini --------------------------------------------------------------------------------------------------------------

_GEMINI_KEYS = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent"}
_GEMINI_SCHEMA_KEYS = {"type", "format", "title", "description", "nullable", "enum", "items", "maxItems", "minItems",
                       "properties", "required", "minimum", "maximum", "minLength", "maxLength", "pattern", "anyOf"}


def _gemini(headers, body):
    _need(headers.get("x-goog-api-key"), "Method doesn't allow unregistered callers")
    unknown = sorted(set(body) - _GEMINI_KEYS)
    _need(not unknown, f"Invalid JSON payload received. Unknown name {unknown}")
    _need(isinstance(body.get("contents"), list) and body["contents"], "contents is not specified")
    names = set()
    for tool in body.get("tools") or []:
        for each in tool["functionDeclarations"]:
            _need(_NAME.fullmatch(each["name"]) and each.get("description"), f"bad function declaration {each}")
            _need(each["name"] not in names, f"duplicate function declaration {each['name']}")
            names.add(each["name"])
            if "parameters" in each:
                _need(each["parameters"].get("properties"), f"{each['name']}: should be non-empty for OBJECT type")
                _gemini_schema(each["parameters"])
    _gemini_contents(body["contents"])


def _gemini_schema(schema):
    unknown = sorted(set(schema) - _GEMINI_SCHEMA_KEYS)
    _need(not unknown, f"parameters: unknown name {unknown}")
    _need(isinstance(schema.get("type", "string"), str), "parameters.type: not a string")
    inner = list((schema.get("properties") or {}).values()) + schema.get("anyOf", [])
    inner += [schema["items"]] if "items" in schema else []
    for each in inner:
        _gemini_schema(each)


def _gemini_contents(contents):
    calls = []
    for at, content in enumerate(contents):
        role, parts = content["role"], content["parts"]
        _need(role == ("user", "model")[at % 2], f"contents[{at}]: roles must alternate between user and model")
        _need(isinstance(parts, list) and parts, f"contents[{at}].parts: must not be empty")
        for part in parts:
            kinds = {"text", "inlineData", "functionCall", "functionResponse"} & set(part)
            _need(len(kinds) == 1, f"contents[{at}]: required oneof field 'data' must have one initialized field")
            _need(part.get("text", "x"), f"contents[{at}]: empty text parameter")
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        _need([answer["name"] for answer in answers] == calls,
              f"contents[{at}]: the number of function response parts must equal that of the function calls: {calls}")
        for answer in answers:
            _need(isinstance(answer["response"], dict), f"contents[{at}]: response must be an object")
        calls = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
        _need(role == "model" or not calls, f"contents[{at}]: a function call in a user turn")
    _need(not calls and contents[-1]["role"] == "user", "the last turn must be the user's")


def turns(body):
    """The messages, whatever the provider calls them."""
    return body.get("messages") or body.get("contents") or []


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


# -- reading a request ---------------------------------------------------------------------------------------------------

def _texts(content, kind="text"):
    if isinstance(content, str):
        return [content] if kind == "text" else []
    return [block.get("text", "") for block in content or [] if isinstance(block, dict) and block.get("type") == kind]


_CONTEXT = re.compile(r"\s*<([\w-]+)[^<>]*>.*?</\1>\s*", re.DOTALL)


def _said(text):
    """Without a marked block of context (date, channel) that the agent put in front."""
    rest = _CONTEXT.sub("", text, count=1) if _CONTEXT.match(text) else text
    return rest or text


def last_user_text(body):
    """What the person wrote last: the last text block of the newest user message that has text."""
    for message in reversed(turns(body)):
        if message.get("role") == "user":
            texts = [text for text in _texts(message.get("content")) if text]
            texts += [part["text"] for part in message.get("parts") or [] if part.get("text")]
            if texts:
                return _said(texts[-1])
    return ""


def last_tool_results(body):
    """The texts of the tool results at the very end of the request; empty when the newest turn is not tool results."""
    results = []
    for message in reversed(turns(body)):
        content = message.get("content")
        if "parts" in message:
            answers = [part["functionResponse"]["response"] for part in message["parts"] if "functionResponse" in part]
            return [answer.get("result", answer.get("error")) for answer in answers]
        if message.get("role") == "tool":
            results.insert(0, content)
            continue
        if message.get("role") == "user" and isinstance(content, list):
            for block in content:
                if block.get("type") == "tool_result":
                    inner = block.get("content", "")
                    results.append(inner if isinstance(inner, str) else "\n".join(_texts(inner)))
        break
    return results


def all_strings(value):
    """Every text anywhere in the request, for `contains` checks."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from all_strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from all_strings(item)
