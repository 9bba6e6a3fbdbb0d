#!/bin/sh
# A Slurm cluster of two nodes, n1 and n2, which are name spaces of this machine with host names of their own. They share its files.
# `unshare --net --mount --uts --pid --fork --mount-proc --kill-child cluster.sh FOLDER` takes everything with it that it starts.
#
# The daemons can reach each other alone: there is no network but the loopback device. munged refuses a socket below a folder that not all
# users can reach, and slurmd keeps its jobs below its own folder: /run is a file system in memory, and FOLDER has the rest.
set -eu
folder=$1
PATH=$PATH:/usr/sbin:/sbin

# Slurm asks for addresses of the kinds that the machine has, for which 127.0.0.1 does not count.
ip link set lo up
for i in 0 1 2; do
  ip address add "10.99.0.1$i/32" dev lo
  echo "10.99.0.1$i n$i"
done > "$folder/hosts"
echo "127.0.0.1 localhost" >> "$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
hostname n0

mount -t tmpfs -o mode=755 run /run
mkdir /run/munge /run/spool "$folder/state"
(umask 077 && head -c 1024 /dev/urandom > /run/munge/key)
munged --foreground --socket /run/munge/socket --key-file /run/munge/key --seed-file /run/munge/seed \
  --pid-file /run/munge/pid --log-file /run/munge/log > "$folder/munged.log" 2>&1 &
while [ ! -S /run/munge/socket ]; do sleep 0.02; done

cat > "$folder/slurm.conf" << END
ClusterName=test
SlurmctldHost=n0(10.99.0.10)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=/run/munge/socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=/run/spool/%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd-%n.pid
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1
KillWait=4
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=n1 NodeAddr=10.99.0.11 Port=17001 CPUs=4
NodeName=n2 NodeHostname=n2 NodeAddr=10.99.0.12 Port=17002 CPUs=4
PartitionName=main Nodes=n1,n2 Default=YES State=UP
END
export SLURM_CONF="$folder/slurm.conf"
slurmctld -D -c -i > "$folder/slurmctld.log" 2>&1 &
for node in n1 n2; do
  unshare --uts sh -c "hostname $node && exec slurmd -D -N $node" > "$folder/slurmd-$node.log" 2>&1 &
done
until sinfo --noheader --states idle --format %D 2> /dev/null | grep -qx 2; do sleep 0.05; done
echo "The nodes are idle"
wait
