# Runs systemd as process 1 of its own PID namespace, on this machine's files. What it writes to
# /etc, /usr, /var, /run and /tmp lies in memory and ends with it. Started by `unshare`, as root.
#
# $1: a folder with etc, usr and units. The first two are laid over this machine's; units are all that
# this systemd knows. $2: a file that is $1/usr/bin/yanma.
set -eu
mount -t tmpfs -o mode=0755 tmpfs /run
for folder in etc usr var; do
    mkdir -p "/run/over/$folder/upper" "/run/over/$folder/work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=/run/over/$folder/upper,workdir=/run/over/$folder/work" \
        overlay "/$folder"
done
for folder in etc usr; do cp -a "$1/$folder/." "/$folder/"; done
mkdir /run/units
cp "$1/units/"* /run/units/
touch /usr/bin/yanma
mount --bind "$2" /usr/bin/yanma

# What the package's script does after unpacking, and one step of an operator's.
sh "$1/postinst" configure
usermod -aG adm yanma
chown -R yanma:yanma /etc/yanma/keyring /etc/yanma/hotline.token

# The machine's own settings stay as they are.
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
    mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd,xattr cgroup /sys/fs/cgroup/systemd
fi
mount -t tmpfs -o mode=1777 tmpfs /tmp
export container=yanma-test SYSTEMD_UNIT_PATH=/run/units SYSTEMD_GENERATOR_PATH=/run/none
export SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none
exec /lib/systemd/systemd --system --unit=machine.target --log-target=null --show-status=no
