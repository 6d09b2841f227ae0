#!/usr/bin/env python3
"""An agent that says everything back: echo.py [DIRECTORY [NAME]]

DIRECTORY is the hive's <home>/run/fabric (default: ~/.skep/run/fabric).
"""
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sdk" / "python"))  # in place of an installed package
import skep_node  # noqa: E402


async def main(directory: str, name: str) -> None:
    async with await skep_node.connect(directory, name) as node:
        print(f"{node.name} is connected to {node.router}", flush=True)
        async for message in node:
            if message.kind == "user":
                await node.reply(message, message.text)


if __name__ == "__main__":
    given = sys.argv[1:]
    try:
        asyncio.run(main(given[0] if given else str(Path.home() / ".skep/run/fabric"),
                         given[1] if len(given) > 1 else "AI.echo-python"))
    except skep_node.SkepError as error:
        sys.exit(f"echo: {error}")
    except KeyboardInterrupt:
        pass
