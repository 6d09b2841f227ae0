#!/usr/bin/python3
"""Plays conversations: run_conversation.py FILE... [--server prosody|ejabberd] [--mode component|client|both] [--provider ...].

All files of one mode share one XMPP server; each gets a fresh home and model server. Exit code 0 when all passed.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import conversation, skep, xmpp_server   # noqa: E402
from support.conversation_run import Player           # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="Plays conversations against a real XMPP server")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--server", choices=("prosody", "ejabberd"), default="prosody")
    parser.add_argument("--mode", choices=(*skep.MODES, "both"), default="component")
    parser.add_argument("--provider", choices=skep.PROVIDERS, default="anthropic")
    options = parser.parse_args()
    modes = skep.MODES if options.mode == "both" else (options.mode,)

    conversations = [conversation.load(path) for path in options.files]
    played = failed = 0
    for mode in modes:
        with xmpp_server.make(options.server) as server:   # rooms of one mode are not met again in the other
            for each in (each for each in conversations if mode in each.modes):
                played += 1
                failed += not play(each, server, mode, options.provider)
    print(f"{played - failed} of {played} conversations passed", flush=True)
    return 1 if failed or not played else 0


def play(each, server, mode, provider):
    """Whether it passed."""
    started = time.monotonic()
    name = f"{os.path.basename(each.path)} [{server.kind} {mode} {provider}]"
    problem = None
    try:
        Player(each, server, mode, provider).play()
    except AssertionError as failure:
        problem = failure
    print(f"{'FAILED ' if problem else 'ok     '} {name}  {time.monotonic() - started:.1f} s" + (f"\n\n{problem}\n" if problem else ""), flush=True)
    return problem is None


if __name__ == "__main__":
    sys.exit(main())
