"""`python -m mttcg`: the same as the command `mttcg`."""

from mttcg.cli import command

if __name__ == "__main__":
    command()
