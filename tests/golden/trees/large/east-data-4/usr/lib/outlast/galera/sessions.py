"""Ends the sessions of machines that are gone.

A machine that vanishes in the middle of a transaction leaves its session behind, with every row that it had locked: no
packet tells the database, and until the kernel gives the connection up, minutes later, nobody else gets those rows.

But every proxy asks for this member's health several times a second, so a machine whose proxy asks no more for SILENCE is
gone, or at least its sessions lead nowhere. They are ended; what was under way there is rolled back, and rows are free.
A machine that lives and was only slow connects again.
"""

# Longer than a member of the database has until it is suspected, so that a busy machine is not taken for a lost one; some
# five questions of a proxy with its default settings.
SILENCE = 0.60
# Who did not look for so long was busy or stopped itself, and cannot tell who was silent meanwhile.
OWN_PAUSE = SILENCE / 3


class Askers:
    """Who asks, by address, and when it was last heard. Times are seconds of a clock that never goes back."""

    def __init__(self):
        self.heard_at = {}
        self.looked_at = None

    def heard(self, address, now):
        self.heard_at[address] = now

    def gone(self, now):
        """The addresses that fell silent since the last look; each is told once, until it is heard again."""
        if self.looked_at is None or now - self.looked_at > OWN_PAUSE:
            self.heard_at = dict.fromkeys(self.heard_at, now)
        self.looked_at = now
        silent = [address for address, at in self.heard_at.items() if now - at > SILENCE]
        for address in silent:
            del self.heard_at[address]
        return silent


def end(cursor, address):
    """End every session from this address, and say so."""
    cursor.execute("SELECT id FROM information_schema.processlist WHERE host LIKE %s", (f"{address}:%",))
    ended = 0
    for (session,) in cursor.fetchall():
        try:
            cursor.execute(f"KILL CONNECTION {session}")
        except cursor.connection.Error:
            # It has ended by itself since.
            continue
        ended += 1
    if ended:
        print(f"{address} asks no more: ended its {ended} sessions, and with them their locks", flush=True)
