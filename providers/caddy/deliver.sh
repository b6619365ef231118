#!/bin/sh
# Puts one Caddy site into a file that the operator's Caddyfile imports, and reloads Caddy.
#
#   sh deliver.sh deliver <site   stage beside the file, validate, swap, reload, probe; the former file if any of it fails
#   sh deliver.sh remove          take the file out and reload; the former file if Caddy does not take that
#   sh deliver.sh check <site     compare the file with what it should be; exit 3 and a diff where it is not, 1 where
#                                 it cannot be read
#
# Environment:
#   SITE_WHERE     what messages call this host
#   SITE_OWNER     project/stack/resource that delivers: another stack's file is never touched, and another resource's
#                  of the same stack is taken over but not removed
#   SITE_FILE      absolute path of the file
#   SITE_IMPORT    the same as Caddy sees it, which may run in a container
#   SITE_VARIABLE  the environment variable in the Caddyfile's import line: import {$VARIABLE:/path/*.caddy}
#   SITE_LEAST     the least version of Caddy that understands the site
#   SITE_VERSION   shell command that prints Caddy's version; if empty, it is not asked for
#   SITE_VALIDATE  shell command that validates the whole configuration, with that variable in its environment
#   SITE_RELOAD    shell command that reloads Caddy
#   SITE_ADAPT     shell command that prints what the Caddyfile says, as JSON
#   SITE_RUNNING   shell command that prints what Caddy runs, as JSON
#   SITE_HOST      the name that the site serves
#   SITE_PORT      the public port that it is served at
#   SITE_ACCEPT    digests of differences between the two that a reload may carry out, with spaces between them
#   SITE_PROBE     shell command that asks Caddy for the site at $SITE_AT, host:port; if empty, curl does
#   SITE_REACH     shell command that prints where this host reaches port $SITE_CONTAINER_PORT of Caddy's, which runs in a
#                  container, as a line host:port; if empty, Caddy runs on this host
#   SITE_PROBE_SECONDS  seconds within which the probe must succeed
#
# The site's first line is "# sha256 <digest of the lines below> of the lines below, from <owner>": so an edit by hand
# is told from what was delivered, and one stack's file from another's.
# Needs flock, sha256sum, diff, awk, comm and sort (GNU or BusyBox), and curl for the probe; ends each command in time where
# timeout is installed. No secret passes here: what `pulumi up` was given for itself is taken out of the environment first,
# so that no command has it and no {$NAME} of a Caddyfile becomes it.
set -eu
umask 022
LC_ALL=C
export LC_ALL
for given in $(env | sed -n -e 's/^\(AUTHENTIK_TOKEN\)=.*/\1/p' -e 's/^\(CADDY_SSH_[A-Z_]*\)=.*/\1/p' \
	-e 's/^\(PULUMI_[A-Za-z0-9_]*\)=.*/\1/p'); do
	unset "$given"
done

# Seconds within which a validation or a reload must end.
bound_command=120

say() { printf '%s: %s\n' "$SITE_WHERE" "$*" || :; }
die() {
	printf '%s: %s\n' "$SITE_WHERE" "$*" >&2 || :
	exit 1
}

# run SECONDS COMMAND: nothing that it starts may hold the lock or read the site. overdue: whether it was ended.
run() {
	set -- "$1" "$2" 0
	{ if [ "$limit" ]; then $limit "$1" sh -c "$2"; else sh -c "$2"; fi; } </dev/null >"$work/said" 2>&1 9<&- ||
		set -- "$1" "$2" "$?"
	overdue=
	case $limit/$3 in
	?*/124 | ?*/137 | ?*/143)
		overdue=yes
		echo "it did not end within $1 seconds" >>"$work/said"
		;;
	esac
	return "$3"
}
# What a command said, the end of it, without what Caddy tells all along.
its_words() { grep -v '"level":"info"' "$work/said" 2>/dev/null | grep . | tail -n 8 | cut -c 1-500 || :; }

missing() { [ ! -e "$SITE_FILE" ] && [ ! -L "$SITE_FILE" ]; }
needs() { command -v "$1" >/dev/null || die "needs $1 on this host: nothing was changed"; }

# within SECONDS COMMAND: again and again until it succeeds. BusyBox's flock has no time limit of its own.
within() {
	bound=$1 begun=$(date +%s)
	shift
	until "$@"; do
		[ $(($(date +%s) - begun)) -lt "$bound" ] || return 1
		sleep 1 9<&-
	done
}

# ours: written by this program, whether edited since or not. edited: ours, but no longer as it was delivered.
ours() { head -n 1 "$1" | grep -q '^# sha256 [0-9a-f]\{64\}'; }
owner() { sed -n '1s/^# sha256 [0-9a-f]* of the lines below, from //p' "$1"; }
edited() { [ "$(head -n 1 "$1" | cut -c 10-73)" != "$(tail -n +2 "$1" | sha256sum | cut -c 1-64)" ]; }

# Whoever may write to the directory decides what Caddy serves, and could change the site after it was validated.
ours_to_write() {
	# shellcheck disable=SC2046 # into words: mode, links, owner, group
	set -- $(ls -ldn "$directory/.")
	case $3 in
	0 | "$(id -u)") ;;
	*) die "$directory belongs to another user (uid $3), who could change the site: nothing was changed. Run: chown $(id -u) $directory" ;;
	esac
	case $1 in
	????????w*) ;;
	?????w*)
		# The group that bears a user's name is that user's own.
		[ "$4" != "$(id -g)" ] || [ "$(id -gn)" != "$(id -un)" ] || return 0
		;;
	*) return 0 ;;
	esac
	die "others may write to $directory ($1), and could change the site: nothing was changed. Run: chmod go-w $directory"
}

begin() {
	needs flock
	needs sha256sum
	needs diff
	limit=
	if timeout -k 1 1 true 2>/dev/null; then
		limit='timeout -k 5'
	elif timeout 1 true 2>/dev/null; then
		limit=timeout
	fi
	directory=${SITE_FILE%/*}
	name=${SITE_FILE##*/}
	[ -d "$directory" ] || die "no directory $directory for the site's file. Make it, writable for this user"
	ours_to_write
	# The lock is on the directory itself, and ends with this process however it ends: nothing to leave behind.
	exec 9<"$directory"
	within 120 flock -n 9 || die "another delivery to $directory has been at work for two minutes. Run the command again"
	work=$directory/.$name.delivery
	# Whatever is here, a killed run left; only an edit must not be lost with it.
	unloaded=
	if [ -d "$work" ] || { [ -s "$SITE_FILE" ] && edited "$SITE_FILE"; }; then unloaded=yes; fi
	set_aside
	rm -rf "$work"
	stage=none
	trap finish EXIT
	trap '' PIPE
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$work" || die "cannot write to $directory: nothing was changed"
	if [ -L "$SITE_FILE" ] || { ! missing && ! [ -f "$SITE_FILE" ]; }; then
		die "$SITE_FILE is a link or no file at all: nothing was changed"
	fi
}

# On any way out: what was put in place (placed), perhaps loaded (swapped), and not finished is taken back.
finish() {
	code=$?
	trap '' HUP INT TERM
	case $stage in
	placed | swapped) if [ -e "$work/former" ]; then mv -f "$work/former" "$SITE_FILE"; else rm -f "$SITE_FILE"; fi ;;
	esac
	if [ "$stage" = swapped ]; then
		if run "$bound_command" "$SITE_RELOAD"; then
			printf '%s: rolled back: the former site serves\n' "$SITE_WHERE" >&2 || :
		else
			printf '%s: rolled back, but Caddy did not reload the former site either:\n' "$SITE_WHERE" >&2 || :
			its_words >&2
		fi
	fi
	rm -rf "$work" || :
	exit "$code"
}

# Keep the file as it is, for the way back. A link takes no space on a full disk.
keep_former() {
	missing || ln "$SITE_FILE" "$work/former" 2>/dev/null || cp -p "$SITE_FILE" "$work/former"
}

# A former file that was edited stays beside the new one, under a name that no import takes.
set_aside() {
	if [ -s "$work/former" ] && edited "$work/former"; then
		aside=$directory/.$name.edited-$(date -u +%Y%m%dT%H%M%SZ)-$$
		mv -f "$work/former" "$aside"
		say "the file had been edited by hand; the edited one is kept as $aside"
	fi
}

# flat FILE: prints a configuration (JSON) as lines of four columns: host, listen, server, route or other; the server, or
# the setting; the route; the value. It is parsed here because it may hold tokens, which must stay on this host.
flat() {
	grep -oE '"([^"\\]|\\.)*"|[][{},]|[^][{}:,"[:space:]]+' "$1" | awk '
		function path(from, ordered,   text, i) {
			for (i = from; i <= depth; i++) text = text "/" (kind[i] == "[" && !ordered ? "-" : key[i])
			return text
		}
		function leaf(value) {
			count[depth]++
			if (path(1) !~ /^\/"apps"\/"http"\/"servers"\/./) {
				print "other\t" key[1] (depth > 1 ? "/" key[2] : "") "\t\t" path(1) "=" value
			} else if (key[5] == "\"routes\"" && depth > 5) {
				if (key[7] == "\"match\"" && key[9] == "\"host\"") print "host\t" key[4] "\t" key[6] "\t" value
				print "route\t" key[4] "\t" key[6] "\t" path(7, "ordered") "=" value
			} else {
				if (key[5] == "\"listen\"") print "listen\t" key[4] "\t\t" value
				print "server\t" key[4] "\t\t" path(5) "=" value
			}
		}
		/^[{[]$/ { kind[++depth] = $0; key[depth] = $0 == "[" ? 0 : ""; count[depth] = 0; next }
		/^[]}]$/ { if (!count[depth--]) leaf(kind[depth + 1] $0); else count[depth]++; next }
		$0 == "," { key[depth] = kind[depth] == "[" ? key[depth] + 1 : ""; next }
		kind[depth] == "{" && key[depth] == "" { key[depth] = $0; next }
		{ leaf($0) }
	'
}

# A reload replaces everything that Caddy runs. parts FILE: prints a configuration as lines: the name of a part, a tab, and
# its content. Our own site is left out; if Caddy may not be running the file as it stands (unloaded), so is everything
# that our site may add.
parts() {
	flat "$1" | sort | awk -F '\t' -v own="\"$SITE_HOST\"" -v unloaded="$unloaded" '
		function joined(list, value) { return list == "" ? value : list ", " value }
		function tell() {
			if (route == "" || hosts[route] == own || (unloaded && index(says, "=" own " "))) return
			print (hosts[route] == "" ? "any host" : hosts[route]) " at " listen[server] "\t" says
		}
		$1 == "host" { hosts[$2 " " $3] = joined(hosts[$2 " " $3], $4) }
		$1 == "listen" { listen[$2] = joined(listen[$2], $4) }
		($1 == "other" || $1 == "server") && (unloaded || index($4, own)) { next }
		$1 == "other" { print "the settings " $2 "\t" $4 }
		$1 == "server" { print "the server at " listen[$2] "\t" $4 }
		$1 == "route" {
			if (route != $2 " " $3) { tell(); route = $2 " " $3; server = $2; says = "" }
			says = says $4 " "
		}
		END { tell(); print "~" }
	' | tr -d '"' | sort
}

listed() { awk '{ printf "%s%s", (NR > 1 ? "; " : ""), $0 }'; }

# compare: refuse a reload that would change more than our site, unless SITE_ACCEPT has the digest of just that.
compare() {
	for each in running adapted; do
		wanted=$SITE_RUNNING
		[ "$each" = running ] || wanted=$SITE_ADAPT
		(umask 077 && : >"$work/$each")
		if ! run "$bound_command" "{ $wanted; } >'$work/$each'" || ! head -c 1 "$work/$each" | grep -q '{'; then
			say "could not compare what Caddy runs with its Caddyfile: this reload may have changed other sites"
			its_words
			return 0
		fi
		if [ "$each" = running ] && missing && grep -qF "\"$SITE_HOST\"" "$work/running"; then unloaded=yes; fi
		(umask 077 && parts "$work/$each" >"$work/$each.parts")
		[ "$(tail -n 1 "$work/$each.parts")" = '~' ] || die "cannot compare what Caddy runs with its Caddyfile, perhaps for want of room in $directory: nothing was changed"
		cut -f 1 "$work/$each.parts" | uniq >"$work/$each.names"
	done
	(umask 077 && comm -23 "$work/running.parts" "$work/adapted.parts" >"$work/lost")
	cut -f 1 "$work/lost" | uniq >"$work/lost.names"
	ends=$(comm -23 "$work/lost.names" "$work/adapted.names" | sed '/^the server/d' | listed)
	changes=$(comm -12 "$work/lost.names" "$work/adapted.names" | listed)
	begins=$(comm -13 "$work/running.names" "$work/adapted.names" | sed '/^the /d' | listed)
	[ -z "$unloaded" ] || begins=
	[ "$ends$changes$begins" ] || return 0
	digest=$({ cat "$work/lost" && printf '%s' "$begins"; } | sha256sum | cut -c 1-8)
	case " $SITE_ACCEPT " in *" $digest "*) return 0 ;; esac
	{
		[ -z "$ends" ] || printf 'would end: %s\n' "$ends"
		[ -z "$changes" ] || printf 'would change: %s\n' "$changes"
		[ -z "$begins" ] || printf 'would begin: %s\n' "$begins"
	} >&2
	accept="To allow these changes: pulumi config set caddy:acceptOtherChanges $digest"
	if [ -z "$ends$changes" ]; then
		die "the Caddyfile has sites that Caddy does not run yet, so it was edited but not reloaded: nothing was changed. Reload Caddy, and run the command again. $accept"
	fi
	die "Caddy runs a configuration that differs from its Caddyfile, and a reload would replace it: nothing was changed. Either the Caddyfile was edited but not reloaded (then reload Caddy), or the configuration came from the admin API, from --resume, or from variables that only Caddy's service has (then put it into the Caddyfile, or set caddy:envFile). $accept"
}

# validates FILE: with the import line at a file, as Caddy sees it. staged NAME: one of the directory of this delivery;
# none* is a pattern that finds nothing, which an import may.
validates() { run "$bound_command" "$SITE_VARIABLE='$1'; export $SITE_VARIABLE; $SITE_VALIDATE"; }
staged() { printf '%s/.%s.delivery/%s' "${SITE_IMPORT%/*}" "$name" "$1"; }

# has FILE TEXT: whether a configuration has a value at such a path. Read to its end, or awk complains of the pipe.
has() { [ "$(flat "$1" | grep -cF "$2")" != 0 ]; }

# remedy: prints what to do about a site that Caddy does not take, of what it said; at last, whether it is too old.
remedy() {
	if grep -qF '{env.' "$work/said"; then
		printf '. If that variable is known to Caddy'\''s service only, set caddy:envFile'
		return 0
	elif grep -qE "directive '(log|handle_errors)'" "$work/said"; then
		printf '. If its import line stands in a handle, set immich:insideHandle'
		return 0
	fi
	version=
	if [ "$SITE_VERSION" ] && run "$bound_command" "$SITE_VERSION"; then
		version=$(sed -n 's/^v\{0,1\}\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' "$work/said" | head -n 1)
	fi
	if [ -z "$version" ]; then
		printf '. If Caddy is older than %s here (caddy version), update it: https://caddyserver.com/docs/install' "$SITE_LEAST"
	elif printf '%s.%s\n' "$version" "$SITE_LEAST" | awk -F . '{ exit $1 * 1000000 + $2 * 1000 + $3 >= $4 * 1000000 + $5 * 1000 + $6 }'; then
		printf '. Caddy is %s here, and the site needs %s or newer; the packages of Debian and Ubuntu are older: https://caddyserver.com/docs/install' "$version" "$SITE_LEAST"
	fi
}

# understood: whether the site in place means to Caddy what it should. An older one takes a line of it for another.
understood() {
	grep -q 'match status' "$SITE_FILE" || return 0
	(umask 077 && : >"$work/adapted")
	run "$bound_command" "{ $SITE_ADAPT; } >'$work/adapted'" || return 0
	has "$work/adapted" '/"response"/"require"/"status_code"'
}

# admin_off FILE: whether a configuration has no admin API, by which Caddy reloads.
admin_off() { has "$1" '/"admin"/"disabled"=true'; }

# listeners: prints where Caddy listens for the site, as lines host:port that this host can connect to. Of a site inside one
# for any host these are all that it listens on.
listeners() {
	for wanted in "$SITE_RUNNING" "$SITE_ADAPT"; do
		(umask 077 && : >"$work/listens")
		if run "$bound_command" "{ $wanted; } >'$work/listens'"; then break; fi
	done
	flat "$work/listens" | tr -d '"' | awk -F '\t' -v own="$SITE_HOST" '
		$1 == "host" && ($4 == own || $4 == "*" substr(own, index(own, "."))) { ours[$2] = 1; found = 1 }
		$1 == "listen" && $4 !~ /^(udp|unix|fd)|[{]/ {
			sub(/^tcp[46]?\//, "", $4)
			sub(/-[0-9]+$/, "", $4)
			sub(/^(0\.0\.0\.0)?:/, "127.0.0.1:", $4)
			sub(/^\[::\]:/, "[::1]:", $4)
			if (!seen[$2, $4]++) where[$2] = where[$2] $4 "\n"
		}
		END { for (server in where) if (!found || ours[server]) printf "%s", where[server] }
	' >"$work/places"
	[ -s "$work/places" ] || printf '127.0.0.1:%s\n' "$SITE_PORT" >"$work/places"
	if [ "$SITE_REACH" ]; then
		while read -r place; do
			SITE_CONTAINER_PORT=${place##*:}
			export SITE_CONTAINER_PORT
			if run "$bound_command" "$SITE_REACH" && grep -q . "$work/said"; then
				sed -e 's/^0\.0\.0\.0:/127.0.0.1:/' -e 's/^\[::\]:/[::1]:/' "$work/said"
			else
				printf '%s\n' "$place"
			fi
		done <"$work/places"
	else
		cat "$work/places"
	fi
}

# asked URL: whether what answers at $SITE_AT is our own site, which marks what it answers by itself, and no error of the
# proxy's. An answer without the mark is another site's.
asked() {
	curl --silent --show-error --insecure --noproxy '*' --max-time 10 --dump-header - --output /dev/null \
		--connect-to "::$SITE_AT" "$1" </dev/null >"$work/answer" 2>&1 9<&-
	code=$(sed -n 's/^HTTP[^ ]* \([0-9][0-9]*\).*/\1/p' "$work/answer" | tail -n 1)
	if grep -qi '^x-immich-access:' "$work/answer"; then
		[ "${code:-500}" -ge 500 ] || return 0
		printf '%s at %s: the site answered %s\n' "$1" "$SITE_AT" "$code" >>"$work/said"
	elif [ "$code" ]; then
		printf '%s at %s: answered %s without X-Immich-Access, so it is not the site that answers\n' "$1" "$SITE_AT" "$code" >>"$work/said"
	else
		printf '%s at %s: %s\n' "$1" "$SITE_AT" "$(grep . "$work/answer" | tail -n 1)" >>"$work/said"
	fi
	return 1
}

# probe: what answers where Caddy listens. Behind a tunnel that ends TLS, a site of http:// has ours inside.
probe() {
	listeners >"$work/at"
	[ "$SITE_PROBE" ] || : >"$work/said"
	while read -r SITE_AT; do
		export SITE_AT
		if [ "$SITE_PROBE" ]; then
			run "$SITE_PROBE_SECONDS" "$SITE_PROBE" && return 0
		else
			asked "https://$SITE_HOST:$SITE_PORT/" && return 0
			asked "http://$SITE_HOST/" && return 0
		fi
	done <"$work/at"
	return 1
}

probes() { within "$SITE_PROBE_SECONDS" probe; }

deliver() {
	begin
	if [ -s "$SITE_FILE" ] && ! ours "$SITE_FILE"; then
		die "$SITE_FILE was not written by this program: nothing was changed. Move it away, or set another caddy:file"
	fi
	if [ -s "$SITE_FILE" ]; then
		other=$(owner "$SITE_FILE")
		if [ "${other%/*}" != "${SITE_OWNER%/*}" ]; then
			die "$SITE_FILE is of the stack ${other%/*}: nothing was changed. Set another caddy:file, or remove the file if that stack is gone"
		fi
	fi
	(umask 077 && cat >"$work/site") || die "cannot stage the site in $directory: nothing was changed"
	if ! ours "$work/site" || edited "$work/site"; then die "the site arrived incomplete: nothing was changed"; fi
	if [ -s "$SITE_FILE" ] && edited "$SITE_FILE"; then
		say "$SITE_FILE was edited by hand (-), and this is what goes there instead (+):"
		diff -u "$SITE_FILE" "$work/site" || :
	fi
	chmod 644 "$work/site"
	validated=$(sha256sum <"$work/site")
	if ! validates "$(staged site)"; then
		its_words >&2
		[ -z "$overdue" ] || die "Caddy's configuration could not be validated in time: nothing was changed"
		advice=$(remedy)
		validates "$(staged 'none*')" ||
			die "Caddy's configuration is not valid here without this site either: nothing was changed. If its variables ({\$NAME}) are known to Caddy's service only, set caddy:envFile"
		die "Caddy's configuration with this site in it is not valid: nothing was changed$advice"
	fi
	# A validation that takes anything has not looked at the site.
	printf 'http://not-imported.invalid {\n\tthis_must_not_validate\n}\n' >"$work/broken"
	if validates "$(staged broken)"; then
		die "the Caddyfile does not import the site: nothing was changed. Put this line at its top level (with immich:insideSite or insideHandle: into your site; in a Compose file's own configs with \$\$ for \$):
	import {\$$SITE_VARIABLE:${SITE_IMPORT%/*}/*.caddy}"
	fi
	[ -z "$overdue" ] || die "Caddy's configuration could not be validated in time: nothing was changed"
	compare
	keep_former || die "cannot keep the former file: nothing was changed"
	sync "$work/site" 2>/dev/null || :
	stage=placed
	mv -f "$work/site" "$SITE_FILE"
	[ "$(sha256sum <"$SITE_FILE")" = "$validated" ] || die "the site was changed while it was delivered"
	if ! validates "$SITE_IMPORT"; then
		its_words >&2
		! validates "$(staged 'none*')" || die "Caddy's configuration takes $SITE_IMPORT in twice: nothing was changed. Another import line takes it in, too: take out that one, or set another caddy:file"
		die "Caddy's configuration is not valid once the site is in place: nothing was changed"
	fi
	understood || die "Caddy does not understand the site: nothing was changed$(remedy)"
	stage=swapped
	reload
	if ! probes; then
		its_words >&2
		die "Caddy reloaded, but the site did not answer the probe within $SITE_PROBE_SECONDS seconds"
	fi
	stage=finished
	set_aside
	say "delivered $SITE_FILE at $(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

reload() {
	run "$bound_command" "$SITE_RELOAD" && return 0
	its_words >&2
	(umask 077 && : >"$work/adapted")
	if run "$bound_command" "{ $SITE_ADAPT; } >'$work/adapted'" && admin_off "$work/adapted"; then
		die "Caddy did not reload: its Caddyfile has 'admin off', and a reload goes by the admin API. Take that out, or set caddy:reload to a command that restarts Caddy"
	fi
	die "Caddy did not reload${1-}"
}

remove() {
	if [ ! -d "${SITE_FILE%/*}" ]; then
		say "$SITE_FILE is gone already, with its directory"
		return 0
	fi
	begin
	if ! missing && ! ours "$SITE_FILE"; then
		say "$SITE_FILE was not written by this program: left as it is"
		return 0
	fi
	if ! missing && [ "$(owner "$SITE_FILE")" != "$SITE_OWNER" ]; then
		say "$SITE_FILE is of $(owner "$SITE_FILE") by now: left as it is"
		return 0
	fi
	compare
	keep_former || die "cannot keep the former file: nothing was changed"
	stage=swapped
	rm -f "$SITE_FILE"
	reload " without the site; its import line must be one that may find nothing (with a *)"
	stage=finished
	set_aside
	say "removed $SITE_FILE"
}

check() {
	needs diff
	why=$(cat "$SITE_FILE" 2>&1 >/dev/null) || case $why in
	*"No such file"*)
		say "$SITE_FILE is missing"
		exit 3
		;;
	*) die "cannot look at $SITE_FILE ($why). A delivery makes a file that everybody may read: see what stands there now, and whether this user may enter its folders" ;;
	esac
	difference=$(diff -u "$SITE_FILE" -) && return 0
	say "$SITE_FILE is not what was delivered:"
	printf '%s\n' "$difference"
	exit 3
}

case ${1-} in
deliver | remove | check) "$1" ;;
*) SITE_WHERE=deliver.sh die "expected deliver, remove or check, got ${1-nothing}" ;;
esac
