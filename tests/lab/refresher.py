"""A process that forces refreshes, one after the other: `python -m tests.lab.refresher`.

The app's settings are in its environment. It says what came of each: `<account id> ok`, or the code
of the error.
"""

import random
import sys
import time

from shared import instants, settings
from shared.connector import Connector
from shared.errors import UnseenError

_PAUSE_SECONDS = 0.05


def main(count: int, seed: int, account_ids: list[str]) -> None:
    """Until so many refreshes succeeded, or no account is left that may be tried."""
    parts, chance = Connector(settings.read()), random.Random(seed)
    accounts = {one: parts.accounts.get(one) for one in account_ids}
    while count and account_ids:
        chosen = chance.choice(account_ids)
        account = accounts[chosen]
        assert account
        try:
            parts.renewal.token(account, instants.now(), force=True)
            said = "ok"
            count -= 1
        except UnseenError as error:
            said = error.code
            time.sleep(_PAUSE_SECONDS)
            if said != "stale":
                # Another has it, or it is lost: not looked at again in this round.
                account_ids = [one for one in account_ids if one != chosen]
        print(chosen, said, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
