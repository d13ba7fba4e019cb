# Sourced by other scripts. apt_install PACKAGE...: installs the packages that are missing. If none is
# missing, it needs neither root nor network. Without dpkg it does nothing, and CMake reports what is
# missing.
apt_install() {
  command -v dpkg-query >/dev/null || return 0
  local package missing=() as_root=()
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then return 0; fi
  if ((EUID != 0)); then as_root=(sudo); fi
  "${as_root[@]}" apt-get update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

build_packages=(g++ cmake ninja-build libgtest-dev libgmock-dev libasio-dev libfmt-dev)
# Of mock-hyperstart, and of its tests.
program_packages=(libcli11-dev libedit-dev nlohmann-json3-dev pkg-config python3)
