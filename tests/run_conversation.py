#!/usr/bin/python3
"""Plays conversations: run_conversation.py FILE... [--server prosody|ejabberd] [--mode component|client|both] [--provider ...].

All files share one XMPP server; each gets a fresh home and model server. Exit code 0 when all passed.
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
    planned = [(each, mode) for mode in modes for each in conversations if mode in each.modes]
    failed = 0
    with xmpp_server.make(options.server) as server:
        for each, mode in planned:
            started = time.monotonic()
            name = f"{os.path.basename(each.path)} [{options.server} {mode} {options.provider}]"
            try:
                Player(each, server, mode, options.provider).play()
                print(f"ok      {name}  {time.monotonic() - started:.1f} s", flush=True)
            except AssertionError as failure:
                failed += 1
                print(f"FAILED  {name}  {time.monotonic() - started:.1f} s\n\n{failure}\n", flush=True)
    print(f"{len(planned) - failed} of {len(planned)} conversations passed", flush=True)
    return 1 if failed or not planned else 0


if __name__ == "__main__":
    sys.exit(main())
