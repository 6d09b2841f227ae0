"""The four wire formats: a Step becomes the list of byte strings a provider would stream, one event each.

`Answer.chunks` is what goes out; `Answer.middle` the index that counts as mid-stream.
"""
import dataclasses
import itertools
import json
import time

_serial = itertools.count(1)

CONTENT_TYPES = {"anthropic": "text/event-stream; charset=utf-8", "openai": "text/event-stream; charset=utf-8",
                 "gemini": "text/event-stream",
                 "ollama": "application/x-ndjson"}


@dataclasses.dataclass
class Answer:
    content_type: str
    chunks: list
    middle: int


def _pieces(text, count=8):
    size = max(1, -(-len(text) // count))
    return [text[at:at + size] for at in range(0, len(text), size)]


def _dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _usage(step, body):
    usage = {"in": max(1, len(_dump(body)) // 4), "out": max(1, len(step.text or "x") // 4), "cache_read": 0, "cache_write": 0}
    usage.update(step.usage)
    return usage


def stream(provider, step, body):
    chunks = list({"anthropic": _anthropic, "openai": _openai, "gemini": _gemini, "ollama": _ollama}[provider](step, body))
    middle = len(chunks) // 2
    if step.fault == "bad_json":
        broken = {"ollama": b'{"model":"m","message":{"role":\n'}.get(provider, b'data: {"type": "content_block_delta", "del\n\n')
        chunks = chunks[:middle] + [broken] + chunks[middle:]
    elif step.fault == "error_event":
        chunks = chunks[:middle] + [_error_chunk(provider, step.error)]
    if step.crlf:
        chunks = [chunk.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for chunk in chunks]
    if step.split:
        joined = b"".join(chunks)
        chunks = [joined[at:at + step.split] for at in range(0, len(joined), step.split)]
        middle = len(chunks) // 2
    return Answer(CONTENT_TYPES[provider], chunks, middle)


def _error_chunk(provider, text):
    if provider == "anthropic":
        return _event("error", {"type": "error", "error": {"type": "overloaded_error", "message": text}})
    if provider == "openai":
        return _data({"error": {"message": text, "type": "server_error"}})
    if provider == "gemini":
        return _data({"error": {"code": 503, "message": text, "status": "UNAVAILABLE"}})
    return _dump({"error": text}).encode() + b"\n"


def error_body(provider, status, text):
    text = text or f"scripted failure {status}"
    if provider == "anthropic":
        kind = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error",
                529: "overloaded_error"}.get(status, "api_error")
        return _dump({"type": "error", "error": {"type": kind, "message": text}, "request_id": f"req_{next(_serial)}"})
    if provider == "openai":
        kind = "invalid_request_error" if status == 400 else "server_error"
        return _dump({"error": {"message": text, "type": kind, "param": None, "code": None}})
    if provider == "gemini":
        kind = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
                429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}.get(status, "INTERNAL")
        return _dump({"error": {"code": status, "message": text, "status": kind}})
    return _dump({"error": text})


def _event(name, value):
    return f"event: {name}\ndata: {_dump(value)}\n\n".encode()


def _data(value):
    return f"data: {_dump(value)}\n\n".encode()


# -- Anthropic -----------------------------------------------------------------------------------------------------------

def _anthropic(step, body):
    usage = _usage(step, body)
    start = {"input_tokens": usage["in"], "cache_read_input_tokens": usage["cache_read"],
             "cache_creation_input_tokens": usage["cache_write"], "output_tokens": 1}
    yield _event("message_start", {"type": "message_start", "message": {
        "id": f"msg_{next(_serial)}", "type": "message", "role": "assistant", "model": body.get("model"), "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": start}})
    yield _event("ping", {"type": "ping"})
    index = 0
    if step.text:
        yield from _block(index, {"type": "text", "text": ""},
                          [{"type": "text_delta", "text": piece} for piece in _pieces(step.text)])
        index += 1
    for name, arguments in step.calls:
        block = {"type": "tool_use", "id": step.call_id or f"toolu_{next(_serial)}", "name": name, "input": {}}
        # The provider opens with an empty fragment and then cuts anywhere.
        deltas = [""] + _pieces(_dump(arguments), 3)
        yield from _block(index, block, [{"type": "input_json_delta", "partial_json": part} for part in deltas])
        index += 1
    stop = step.stop or ("tool_use" if step.calls else "end_turn")
    yield _event("message_delta", {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                                   "usage": {"output_tokens": usage["out"]}})
    yield _event("message_stop", {"type": "message_stop"})


def _block(index, block, deltas):
    yield _event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    for delta in deltas:
        yield _event("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield _event("content_block_stop", {"type": "content_block_stop", "index": index})


# -- OpenAI --------------------------------------------------------------------------------------------------------------

_OPENAI_STOP = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "refusal": "content_filter"}


def _openai(step, body):
    usage = _usage(step, body)
    head = {"id": f"chatcmpl-{next(_serial)}", "object": "chat.completion.chunk", "created": int(time.time()),
            "model": body.get("model")}
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    def chunk(delta, finish=None):
        value = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        if wants_usage:
            value["usage"] = None
        return _data(value)

    yield chunk({"role": "assistant", "content": "" if not step.calls else None})
    for piece in _pieces(step.text or ""):
        yield chunk({"content": piece})
    for index, (name, arguments) in enumerate(step.calls):
        opening = {"index": index, "id": step.call_id or f"call_{next(_serial)}", "type": "function",
                   "function": {"name": name, "arguments": ""}}
        yield chunk({"tool_calls": [opening]})
        for part in _pieces(_dump(arguments), 3):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    stop = step.stop or ("tool_use" if step.calls else "end_turn")
    yield chunk({}, _OPENAI_STOP.get(stop, stop))
    if wants_usage:
        yield _data({**head, "choices": [], "usage": {
            "prompt_tokens": usage["in"], "completion_tokens": usage["out"], "total_tokens": usage["in"] + usage["out"],
            "prompt_tokens_details": {"cached_tokens": usage["cache_read"]}}})
    yield b"data: [DONE]\n\n"


# -- Gemini --------------------------------------------------------------------------------------------------------------

_GEMINI_STOP = {"end_turn": "STOP", "tool_use": "STOP", "max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}


def _gemini(step, body):
    usage = _usage(step, body)
    figures = {"promptTokenCount": usage["in"], "candidatesTokenCount": usage["out"],
               "cachedContentTokenCount": usage["cache_read"], "totalTokenCount": usage["in"] + usage["out"]}

    def chunk(parts, **rest):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **rest}
        value = {"candidates": [candidate], "usageMetadata": figures, "modelVersion": "scripted-model"}
        return f"data: {_dump(value)}\r\n\r\n".encode()

    for piece in _pieces(step.text or ""):
        yield chunk([{"text": piece}])
    for name, arguments in step.calls:
        yield chunk([{"functionCall": {"name": name, "args": arguments}, "thoughtSignature": f"c2ln{next(_serial)}"}])
    stop = step.stop or "end_turn"
    yield chunk([{"text": ""}], finishReason=_GEMINI_STOP.get(stop, stop))


# -- Ollama --------------------------------------------------------------------------------------------------------------

def _ollama(step, body):
    usage = _usage(step, body)

    def line(message, **rest):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        value = {"model": body.get("model"), "created_at": stamp, "message": {"role": "assistant", **message}, "done": False}
        return (_dump({**value, **rest}) + "\n").encode()

    for piece in _pieces(step.text or ""):
        yield line({"content": piece})
    for name, arguments in step.calls:
        yield line({"content": "", "tool_calls": [{"function": {"name": name, "arguments": arguments}}]})
    stop = {"end_turn": "stop", "tool_use": "stop", "max_tokens": "length"}.get(step.stop, step.stop or "stop")
    yield line({"content": ""}, done=True, done_reason=stop, total_duration=1000000, load_duration=1000,
               prompt_eval_count=usage["in"], prompt_eval_duration=1000, eval_count=usage["out"], eval_duration=1000)


# -- answers in one piece ------------------------------------------------------------------------------------------------

def whole(provider, step, body):
    """The answer to a request without `stream`."""
    usage, stop = _usage(step, body), step.stop or ("tool_use" if step.calls else "end_turn")
    if provider == "anthropic":
        content = [{"type": "text", "text": step.text}] if step.text else []
        content += [{"type": "tool_use", "id": f"toolu_{next(_serial)}", "name": name, "input": arguments}
                    for name, arguments in step.calls]
        value = {"id": f"msg_{next(_serial)}", "type": "message", "role": "assistant", "model": body.get("model"),
                 "content": content, "stop_reason": stop, "stop_sequence": None,
                 "usage": {"input_tokens": usage["in"], "output_tokens": usage["out"],
                           "cache_read_input_tokens": usage["cache_read"],
                           "cache_creation_input_tokens": usage["cache_write"]}}
    elif provider == "openai":
        message = {"role": "assistant", "content": step.text or None}
        if step.calls:
            message["tool_calls"] = [{"id": f"call_{next(_serial)}", "type": "function",
                                      "function": {"name": name, "arguments": _dump(arguments)}}
                                     for name, arguments in step.calls]
        value = {"id": f"chatcmpl-{next(_serial)}", "object": "chat.completion", "created": int(time.time()),
                 "model": body.get("model"),
                 "choices": [{"index": 0, "message": message, "finish_reason": _OPENAI_STOP.get(stop, stop)}],
                 "usage": {"prompt_tokens": usage["in"], "completion_tokens": usage["out"],
                           "total_tokens": usage["in"] + usage["out"]}}
    elif provider == "gemini":
        parts = [{"text": step.text}] if step.text else []
        parts += [{"functionCall": {"name": name, "args": arguments}} for name, arguments in step.calls]
        value = {"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": _GEMINI_STOP.get(stop, stop)}],
                 "usageMetadata": {"promptTokenCount": usage["in"], "candidatesTokenCount": usage["out"]}}
    else:
        message = {"role": "assistant", "content": step.text or ""}
        if step.calls:
            message["tool_calls"] = [{"function": {"name": name, "arguments": arguments}} for name, arguments in step.calls]
        value = {"model": body.get("model"), "message": message, "done": True, "done_reason": "stop",
                 "prompt_eval_count": usage["in"], "eval_count": usage["out"]}
    return _dump(value).encode()
