# Prints the state of the system in sections. parse.rs reads them.
export LC_ALL=C
mark() { echo "@podman-bootc-$*"; }
journal() { journalctl --boot --no-pager --quiet "$@" 2>/dev/null; }
mark system
systemctl is-system-running
mark jobs
systemctl list-jobs --plain --no-legend --no-pager --full | head -n 64
mark emergency
for unit in emergency.target rescue.target; do
    systemctl is-active --quiet $unit && echo $unit
done
mark failed
systemctl list-units --failed --plain --no-legend --no-pager --full | head -n 64 |
    while read -r unit _; do
        mark "unit $unit $(systemctl show --property=Result --value -- "$unit")"
        journal --output=cat --lines=10 --unit="$unit"
    done
mark cycles
# The first messages of systemd come by way of the kernel, and have no _PID.
journal --output=cat _PID=1 + SYSLOG_IDENTIFIER=systemd SYSLOG_PID=1 | grep -i 'ordering cycle' | head -n 64
mark kernel
{ journal --dmesg --output=short-monotonic --no-hostname || dmesg; } | grep -E -A 12 -e "$pattern" | head -n 400
mark tainted
cat /proc/sys/kernel/tainted
mark selinux
if [ -e /sys/fs/selinux/enforce ]; then
    echo "enforce $(cat /sys/fs/selinux/enforce)"
fi
{
    journal --output=cat _TRANSPORT=audit + _TRANSPORT=kernel
    # auditd keeps them from the journal.
    boot=$(sed -n 's/^btime //p' /proc/stat)
    awk -v boot="$boot" 'match($0, /audit\([0-9]+/) && substr($0, RSTART + 6, RLENGTH - 6) + 0 >= boot' \
        /var/log/audit/audit.log 2>/dev/null
} | grep -E 'avc: +denied' | head -n 1000
mark uptime
cat /proc/uptime
mark times
systemctl show --no-pager --property=Id,ActiveState,InactiveExitTimestampMonotonic \
    --property=ActiveEnterTimestampMonotonic,InactiveEnterTimestampMonotonic \
    '*.service' '*.mount'
mark end
