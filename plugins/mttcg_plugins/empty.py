"""Do nothing: what having a plugin costs by itself.

    mttcg run examples/guests/mix.elf --plugin empty

No report, and a warning that it attached nothing. The run takes as long as one without a plugin,
within the noise.
"""
