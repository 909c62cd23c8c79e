"""What a kernel that is started says of its structures, found in what is loaded."""

from mttcg.guest.boot_files import BootFiles
from mttcg.linux.btf import KernelTypes, find_btf
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_facts import KernelFacts, kernel_facts
from mttcg.linux.registry import kernel_isa

ANOTHER = "one with BTF (CONFIG_DEBUG_INFO_BTF), or --kernel-types"


def facts_of(boot: BootFiles) -> KernelFacts:
    """Find what is needed to know the processes of a guest; raises KernelDataError if it is not."""
    image = boot.image
    if not (boot.below_firmware or boot.has_firmware):
        raise KernelDataError(str(image.path), "it is no kernel of Linux", "one, by --kernel")
    types = boot.types or _types_in(boot)
    symbols = image.by_name

    def address_of(name: str) -> int | None:
        return symbols[name].address if name in symbols else None

    return kernel_facts(types, address_of, kernel_isa(image.isa.name))


def _types_in(boot: BootFiles) -> KernelTypes:
    for image in boot.images:
        for segment in image.segments:
            found = find_btf(segment.data)
            if found is not None:
                return found
    wrong = "the kernel does not say its types"
    raise KernelDataError(str(boot.images[0].path), wrong, ANOTHER)
