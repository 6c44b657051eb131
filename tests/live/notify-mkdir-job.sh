#!/bin/sh
# The job that tests/live/notify-mkdir runs: an ordinary script that knows nothing of its
# supervisor. notify-mkdir-job.sh ALLOWED OUTSIDE: both are this user's own directories.
allowed=$1 outside=$2
cd "$allowed" || exit 1
umask 027

attempt() {
	echo "\$ $*"
	"$@" || echo "  (status $?)"
}

attempt mkdir one
attempt mkdir -p "$allowed/two/three"
attempt mkdir one
attempt mkdir "$outside/absolute"
attempt mkdir ../outside/relative
attempt ln -s "$outside" link
attempt mkdir link/symbolic

# An ordinary user gets as far as mount(2) only in a user namespace of his own.
mount='mount'
[ "$(id -u)" = 0 ] || mount='unshare --user --map-root-user --mount --propagation unchanged mount'
if [ "$mount" = mount ] || ${mount%mount} true 2>/dev/null; then
	attempt $mount -t tmpfs demo "$allowed/one"
else
	echo "mount not tried: no user namespaces for $(id -un)"
fi
! grep -q " $allowed/one " /proc/self/mountinfo || exit 9

# What outlives the script is supervised too.
(sleep 0.2; mkdir late) >/dev/null 2>&1 &
echo "the script ends"
