"""examples/federation plays its story to the end: an agent asks another domain's, and a person there agrees."""
import os
import unittest

from support import procs, skep

RUN = os.path.join(skep.ROOT, "examples", "federation", "run.py")


class Example(unittest.TestCase):
    def test_the_story_ends_well(self):
        env = {**os.environ, "SKEP_BIN": skep.binary()}
        code, out, err = procs.run(["/usr/bin/python3", RUN], env=env, seconds=200)
        self.assertEqual(code, 0, out + err)
        self.assertIn("May I run memory_store for agent.team-a.test", out)
        self.assertIn('Stored under "logo"', out)
        self.assertEqual(out.count("audit log"), 2)


if __name__ == "__main__":
    unittest.main()
