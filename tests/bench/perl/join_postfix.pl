# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The yardstick: the join that administrators write, one expression after the other on each line and hashes by queue ID.
use strict;
my ($year) = (gmtime)[5] + 1900;
my (%client, %msgid, %sender, %size, %stamp);
while (<>) {
  my ($id) = /\[\d{2,10}\]:\s+(\w+):\s+/;
  next unless $id;
  if (my ($recipient, $relay, $status) = /:\sto=<([^>]*)>,\s.*?relay=([^,]+),\s.*\sstatus=(\w+)/) {
    my ($name) = ($client{$id} || "") =~ /^([^\[]*)/;
    my ($dsn) = /\sdsn=([\d.]+)/;
    print "$stamp{$id}|$size{$id}||$sender{$id}|$recipient|$name|$status\n";
  } elsif (/:\sfrom=<([^>]*)>,\ssize=(\d+)/) {
    $sender{$id} = $1; $size{$id} = $2;
  } elsif (/:\smessage-id=(.*)/) {
    $msgid{$id} = $1;
  } elsif (my ($mon, $day, $time, $client) = /^(\w+)\s+(\d+)\s+([\d:]+)\s.+\sclient=([^,\s]*)/) {
    my $monno = index('JanFebMarAprMayJunJulAugSepOctNovDec', $mon) / 3 + 1;
    $client{$id} = $client; $stamp{$id} = "$day.$monno.$year|$time";
  } elsif (/:\sremoved$/) {
    delete $client{$id}; delete $msgid{$id}; delete $sender{$id}; delete $size{$id}; delete $stamp{$id};
  }
}
