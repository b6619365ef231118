#!/bin/sh
# Looks for drift of the stack PULUMI_STACK. Exits 0 without any; with drift opens an issue, or adds to the open one, and
# exits 7; where it could not look exits as the engine did, and opens none.
set -eu

found=$(mktemp)
trap 'rm -f "$found" "$found.md"' EXIT

status=0
pulumi refresh --preview-only --expect-no-changes --non-interactive --color never --stack "$PULUMI_STACK" \
  >"$found" 2>&1 || status=$?
cat "$found"
# 7 is how the engine says that it found changes. What failed on the way is no drift.
[ "$status" -eq 7 ] || exit "$status"

{
  echo 'Something of the stack was changed by hand. `pulumi up --refresh` brings it back to what is declared;'
  echo 'or change the declaration. The names of what differs, without values:'
  echo
  echo '```'
  # The engine first says of each resource that it looks at it, then what it found.
  grep -E '^ +[~+-]' "$found" | grep -v 'refreshing *$' || tail -n 20 "$found"
  echo '```'
  echo
  echo "Seen by ${RUN_URL:-a run by hand}"
} >"$found.md"

gh label create drift --description 'What Authentik or Caddy has is not what is declared' --force >/dev/null
number=$(gh issue list --label drift --state open --limit 1 --json number --jq '.[0].number // empty')
if [ -n "$number" ]; then
  gh issue comment "$number" --body-file "$found.md"
else
  gh issue create --title "Drift in stack $PULUMI_STACK" --label drift --body-file "$found.md"
fi
exit "$status"
