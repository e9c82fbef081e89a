# The peers for Perl: Hash::SharedMem, Cache::FastMmap and IPC::Shareable.
#
# One system and one row a call; the contract is in the documentation of mmf-bench-peers.
# A system gives its operations as statements that are compiled into the measured loop, so that no
# call is measured that its user would not make.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/perl";

use Rows;
use Systems;

my %arguments = map { split /=/, $_, 2 } @ARGV;
my $system = Systems::make(@arguments{qw(system directory)});
exit Rows::run(\%arguments, $system);
