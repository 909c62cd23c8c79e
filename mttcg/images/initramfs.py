"""An initramfs with busybox, the modules wanted, and an /init that ends by powering off."""

from collections.abc import Sequence

from mttcg.guest.compressed import compress
from mttcg.images.cpio import Archive
from mttcg.images.modules import KernelModule, aliases_text, dependencies_text

INIT = """\
#!/bin/busybox sh
# Words of the kernel's command line: run="COMMANDS" runs them in place of a shell, keep=1 starts a
# shell behind them; otherwise the machine is powered off at the end.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM="${TERM:-vt102}"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts pts /dev/pts
modprobe -q virtio_mmio
for device in /sys/bus/virtio/devices/*; do
    [ -e "$device/modalias" ] && modprobe -q "$(cat "$device/modalias")"
done
# Where there is a virtio console the keys go there.
[ -c /dev/hvc0 ] && exec </dev/hvc0 >/dev/hvc0 2>&1
status=0
if [ -n "$run" ]; then
    sh -c "$run"
    status=$?
    echo "init: the commands ended with status $status"
fi
if [ -z "$run" ] || [ -n "$keep" ]; then
    if [ -c /dev/hvc0 ]; then
        setsid sh -c "exec sh </dev/hvc0 >/dev/hvc0 2>&1"
    else
        setsid cttyhack sh
    fi
fi
stty opost 2>/dev/null  # waits until all that was written to the terminal is out
sync
poweroff -f
"""
FOLDERS = ("bin", "dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp")
CONSOLE = (5, 1)
"""/dev/console, which the kernel opens before anything is mounted (linux: devices.txt)."""
MODULES_FOLDER = "lib/modules"


def make_initramfs(busybox: bytes, release: str, modules: Sequence[KernelModule]) -> bytes:
    """Return the initramfs, compressed by gzip.

    busybox: a program that is linked statically. release: of the kernel, as `uname -r` has it.
    modules: all that are to be in it.
    """
    archive = Archive()
    for folder in FOLDERS:
        archive.add_folder(folder)
    archive.add_character_device("dev/console", *CONSOLE)
    archive.add_file("bin/busybox", busybox, 0o755)
    archive.add_link("bin/sh", "busybox")
    archive.add_link("sbin", "bin")  # where the kernel looks for modprobe
    archive.add_file("init", INIT.encode(), 0o755)
    archive.add_file("etc/passwd", b"root::0:0:root:/root:/bin/sh\n")
    folder = f"{MODULES_FOLDER}/{release}"
    for module in modules:
        archive.add_file(module.path, module.data)
    archive.add_file(f"{folder}/modules.dep", dependencies_text(modules, folder).encode())
    archive.add_file(f"{folder}/modules.alias", aliases_text(modules).encode())
    return compress(archive.content())
