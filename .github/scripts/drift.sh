#!/bin/sh
# Looks for drift of the stack PULUMI_STACK, in Authentik, in Caddy, and in the site's files where it delivers any, which
# the engine does not read back. Exits 0 without drift; with drift opens an issue, or adds to the open one, and exits 7;
# where it could not look exits as what failed did, and opens none.
set -eu

command -v gh >/dev/null || {
  echo 'drift.sh: this runner has no gh, by which an issue is opened, so nothing was looked at.' >&2
  echo 'Install it for the user who runs the runner: https://github.com/cli/cli#installation' >&2
  exit 1
}

found=$(mktemp)
trap 'rm -f "$found" "$found.files" "$found.md"' EXIT

status=0
pulumi refresh --preview-only --expect-no-changes --non-interactive --color never --stack "$PULUMI_STACK" \
  >"$found" 2>&1 || status=$?
cat "$found"

files=0
.venv/bin/python -m doctor.site_files --stack "$PULUMI_STACK" >"$found.files" 2>&1 || files=$?
# Without the difference, line by line: the log may be public.
grep -v '^[-+@\ ]' "$found.files" || :

# 7 is how the engine says that it found changes, 3 how the doctor does. What failed on the way is no drift.
if [ "$status" -ne 7 ] && [ "$files" -ne 3 ]; then
  [ "$status" -eq 0 ] || exit "$status"
  exit "$files"
fi

{
  if [ "$status" -eq 7 ]; then
    echo 'Something of the stack was changed by hand. `pulumi up --refresh` brings it back to what is declared;'
    echo 'or change the declaration. The names of what differs, without values:'
    echo
    echo '```'
    # The engine first says of each resource that it looks at it, then what it found.
    grep -E '^ +[~+-]' "$found" | grep -v 'refreshing *$' || tail -n 20 "$found"
    echo '```'
    echo
  fi
  if [ "$files" -eq 3 ]; then
    echo "A file of the site is not as the last \`pulumi up\` delivered it. \`python -m doctor.site_files\` shows the"
    echo 'difference; `pulumi config set caddy:redeliver "$(date)"` and `pulumi up` deliver it again.'
    echo
    echo '```'
    grep -E '^[^-+@\ ].*is (missing|not what was delivered:)$' "$found.files"
    echo '```'
    echo
  fi
  echo "Seen by ${RUN_URL:-a run by hand}"
} >"$found.md"

gh label create drift --description 'What Authentik or Caddy has is not what is declared' --force >/dev/null
number=$(gh issue list --label drift --state open --limit 1 --json number --jq '.[0].number // empty')
if [ -n "$number" ]; then
  gh issue comment "$number" --body-file "$found.md"
else
  gh issue create --title "Drift in stack $PULUMI_STACK" --label drift --body-file "$found.md"
fi
exit 7
