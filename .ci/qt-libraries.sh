#!/bin/sh
# Installs the system libraries that Qt needs when some are missing and we may; otherwise prints the one line to run.
# usage: qt-libraries.sh PYTHON
set -u
[ "$(uname -s)" = Linux ] || exit 0
packages="libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon0 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxcb-xinerama0 libxcb-xkb1"
qt=$("$1" -c 'import importlib.util, os; print(os.path.dirname(importlib.util.find_spec("PySide6").origin))') || exit 1
missing() { ldd "$qt"/Qt/plugins/platforms/libqxcb.so "$qt"/Qt/plugins/platforms/libqoffscreen.so "$qt"/QtWidgets.abi3.so 2>/dev/null | grep 'not found' | awk '{print $1}' | sort -u; }
lacking=$(missing)
[ -z "$lacking" ] && exit 0
line="apt-get update && apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $packages"
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Qt's system libraries are missing ($(echo $lacking)); installing them."
    sh -c "DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; $line" >/dev/null || { echo "They could not be installed. Run as root: $line"; exit 1; }
elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
    echo "Qt's system libraries are missing ($(echo $lacking)); installing them."
    sudo -n sh -c "$line" >/dev/null || { echo "They could not be installed. Run: sudo sh -c '$line'"; exit 1; }
else
    echo "Qt's system libraries are missing ($(echo $lacking)). Run this line once, then make again:"
    echo "  sudo sh -c '$line'"
    exit 1
fi
lacking=$(missing)
[ -z "$lacking" ] || { echo "Still missing after installation: $lacking"; exit 1; }
