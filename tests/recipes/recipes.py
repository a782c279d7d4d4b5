"""All recipes at work while nodes are killed, connections cut and sessions expired: recipes.py RECIPE_TRIAL.

RECIPES_LEADER_KILLS (3) and RECIPES_EXPIRIES (2) say how much of it."""

import os
import sys

from program import Program, actor_ports
import harness

LEADER_KILLS = int(os.environ.get("RECIPES_LEADER_KILLS", "3"))
EXPIRIES = int(os.environ.get("RECIPES_EXPIRIES", "2"))
TRIAL = sys.argv.pop(1)


class Recipes(harness.EnsembleTest):
    processes = True
    settings = {"tick": "200ms", "min-session-timeout": "1s", "max-session-timeout": "60s"}

    def test_recipes_keep_what_they_promise_under_killed_nodes_and_expired_sessions(self):
        ensemble = self.ensemble
        ensemble.wait_for_all()
        trial = Program(TRIAL, *actor_ports(ensemble))
        self.addCleanup(trial.close)
        trial.expect_ok()
        trial.ask("progress")
        for i in range(max(LEADER_KILLS, EXPIRIES)):
            if i < LEADER_KILLS:
                leader = ensemble.wait_for_all()
                ensemble.kill(leader)
                trial.ask("progress")
                ensemble.restart(leader)
                trial.ask("cut")
                for follower in ensemble.followers()[:1]:
                    ensemble.kill(follower)
                    trial.ask("progress")
                    ensemble.restart(follower)
            if i < EXPIRIES:
                ensemble.wait_for_all()
                trial.ask("expire %d" % (i % 3))
                trial.ask("progress")
        ensemble.wait_for_all()
        said = trial.finish()
        self.assertEqual(said[-1], "ok")
        self.assertIn("sessions: ", said[-2])


if __name__ == "__main__":
    harness.main()
