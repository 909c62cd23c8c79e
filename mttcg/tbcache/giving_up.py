"""Pages that are fetched from no more, as they are code no more."""

from mttcg.memory.address import PhysicalPage
from mttcg.tbcache.cache import BlockCache


def is_untouched(cache: BlockCache, slot: int) -> bool:
    """Whether nothing was made of a slot's content: no block was met, nothing is kept."""
    return not (cache.met[slot].any() or cache.kept[slot].any() or cache.index[slot].any())


def give_up(cache: BlockCache, page: PhysicalPage) -> None:
    """Fetch a page no more: until control comes there again, its changes do not matter."""
    with cache.lock:
        cache.slots["users"][cache.used[page]] &= ~cache.bit
        cache.left(cache.used[page])
        cache.used.leave(page)
