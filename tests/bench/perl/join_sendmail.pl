# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The yardstick: the join that administrators write. An expression for the queue ID of each line, one for the to= line,
# one for the from= line, and hashes by queue ID. Unlike the usual ones it is right: every recipient, whatever its fate.
use strict;
my ($year) = (gmtime)[5] + 1900;
my (%stamp, %size, %sender, %relay);
while (<>) {
  my ($id) = /\[\d{2,10}\]:\s+(\w+):\s+/;
  next unless $id;
  if (my ($to, $stat) = /:\sto=(.+?),\s.*\sstat=(.*)$/) {
    my ($relay) = /\srelay=(\S+)/;
    my ($dsn) = /\sdsn=([\d.]+)/;
    my $status = $stat =~ /^Sent/ ? "sent" : $stat =~ /^Deferred/ ? "deferred" : "bounced";
    foreach my $recipient (split /,/, $to) {
      $recipient =~ s/[<>]//g;
      print "$stamp{$id}|$size{$id}||$sender{$id}|$recipient|$relay{$id}|$status\n";
    }
  } elsif (my ($mon, $day, $time, $sender, $size, $relay) =
      /^(\w+)\s+(\d+)\s+([\d:]+)\s.+\sfrom=<?([^>,]*)>?,\ssize=(\d+).*relay=(\S+)/) {
    my $monno = index('JanFebMarAprMayJunJulAugSepOctNovDec', $mon) / 3 + 1;
    $stamp{$id} = "$day.$monno.$year|$time";
    $size{$id} = $size;
    $sender{$id} = $sender;
    $relay{$id} = $relay;
  }
}
