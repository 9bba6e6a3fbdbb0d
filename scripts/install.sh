#!/bin/sh
# Installs the executable aimodellib from the files of a release: a folder, or an address that curl or wget can read.
#
#   sh install.sh --from https://example.com/aimodellib/0.1.0
#   sh install.sh --from ./release --to /usr/local/bin
set -eu

usage() {
  cat <<'END'
Usage: sh install.sh [--from FOLDER|URL] [--to FOLDER]

  --from  where the files of a release are [the folder of this script]
  --to    where the executable goes [/usr/local/bin for root, else ~/.local/bin]
END
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

# fetch NAME FILE: copies a file of the release.
fetch() {
  case $from in
    http://* | https://*)
      if command -v curl > /dev/null 2>&1; then
        curl --fail --silent --show-error --location --output "$2" "$from/$1" || fail "can't download $from/$1"
      elif command -v wget > /dev/null 2>&1; then
        wget --quiet --output-document="$2" "$from/$1" || fail "can't download $from/$1"
      else
        fail "neither curl nor wget is installed: download the files yourself, and name their folder with --from"
      fi
      ;;
    *) cp -- "$from/$1" "$2" || fail "can't copy $from/$1" ;;
  esac
}

# digest FILE: prints the SHA-256 of a file.
digest() {
  if command -v sha256sum > /dev/null 2>&1; then
    sha256sum < "$1" | cut -d ' ' -f 1
  elif command -v openssl > /dev/null 2>&1; then
    openssl dgst -sha256 < "$1" | sed 's/.* //'
  else
    fail "neither sha256sum nor openssl is installed, so the download can't be checked"
  fi
}

# All is in a function, so that a script of which only a part was downloaded does nothing.
main() {
  from=
  to=
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --from | --to)
        [ $# -ge 2 ] || fail "$1 needs a value"
        if [ "$1" = --from ]; then from=$2; else to=$2; fi
        shift 2
        ;;
      *) usage >&2; fail "there is no option '$1'" ;;
    esac
  done
  if [ -z "$from" ]; then
    [ -f "$0" ] || fail "say with --from where the files of the release are"
    from=$(dirname -- "$0")
  fi
  from=${from%/}
  if [ -z "$to" ]; then
    if [ "$(id -u)" = 0 ]; then to=/usr/local/bin; else to=$HOME/.local/bin; fi
  fi

  [ "$(uname -s)" = Linux ] || fail "aimodellib runs on Linux, and this is $(uname -s)"
  case $(uname -m) in
    x86_64 | amd64) target=x86_64-unknown-linux-gnu ;;
    aarch64 | arm64) target=aarch64-unknown-linux-gnu ;;
    *) fail "there is no executable for $(uname -m)" ;;
  esac

  mkdir -p -- "$to" || fail "can't make the folder $to"
  scratch=$(mktemp -d -- "$to/.aimodellib-XXXXXX") || fail "can't write to $to: name another folder with --to"
  trap 'rm -rf -- "$scratch"' EXIT
  trap 'exit 1' HUP INT TERM

  fetch SHA256SUMS "$scratch/SHA256SUMS"
  name=$(sed -n "s/^[0-9a-f]\{64\}  \(aimodellib-[^ ]*-$target\)\$/\1/p" "$scratch/SHA256SUMS")
  [ -n "$name" ] || fail "the release in $from has no executable for $target"
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $name\$/\1/p" "$scratch/SHA256SUMS")
  fetch "$name" "$scratch/aimodellib"
  found=$(digest "$scratch/aimodellib")
  [ "$found" = "$expected" ] ||
    fail "$name has the SHA-256 $found, not $expected as SHA256SUMS says: it is damaged, or not the one that was released. Nothing was installed"
  chmod 755 "$scratch/aimodellib"
  version=$("$scratch/aimodellib" --version) ||
    fail "$name does not start on this machine: it needs glibc 2.27 or later. Nothing was installed"
  mv -f -- "$scratch/aimodellib" "$to/aimodellib"
  printf 'Installed aimodellib %s as %s/aimodellib\n' "$(printf '%s\n' "$version" | head -n 1)" "$to"
  case :$PATH: in
    *:"$to":*) ;;
    *) printf "%s is not on PATH: add it, such as by PATH=%s:\$PATH\n" "$to" "$to" ;;
  esac
}

main "$@"
