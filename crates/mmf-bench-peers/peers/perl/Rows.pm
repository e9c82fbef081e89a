# The rows: what is done to a system, how long it takes, and whether what is read is right.
package Rows;
use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant { HOT => 16, MANY => 64, LARGE => 16 << 20, SEQUENCE => 500_000, CHUNK => 64 };
use constant { PATIENCE => 10, STOP => "\xff" x 16 };

my $json = JSON::PP->new->canonical;
my %ROWS = (
    'hot'        => \&hot,
    'random'     => \&random_access,
    'pair'       => \&writer_and_reader,
    'large'      => \&large,
    'round-trip' => \&round_trip,
    'counter'    => \&counter,
);

sub run {
    my ($arguments, $system) = @_;
    $| = 1;
    # Asked to end: what it has made is removed all the same.
    local $SIG{TERM} = sub { die "the bench has ended this\n" };
    my $run = { %$arguments, system => $system, is_first => $arguments->{role} eq 'first' };
    my $done = eval { $ROWS{ $run->{row} }->($run); 1 };
    my $reason = $@;
    $system->remove if $run->{is_first};
    return 0 if $done;
    if (ref $reason eq 'HASH') {
        say_line(%$reason);
        return 0;
    }
    print STDERR $reason;
    return 1;
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub say_line { print $json->encode({@_}), "\n"; return }

sub listen_for {
    my ($expected) = @_;
    my $line = <STDIN> // '';
    chomp $line;
    # The bench is gone, or gives up: nothing is left to measure.
    die "the bench did not say $expected\n" if $line ne $expected;
    return;
}

sub ready { say_line(ready => JSON::PP::true); listen_for('go'); return }
sub done  { say_line(done => JSON::PP::true); listen_for('end'); return }

sub report {
    my ($measure, $unit, $samples, %more) = @_;
    delete $more{$_} for grep { !defined $more{$_} } keys %more;
    say_line(measure => $measure, unit => $unit, samples => [map { 0 + $_ } @$samples], %more);
    return;
}

sub wrong { my ($text) = @_; die { wrong => $text } }

sub check {
    my ($seen, $expected, $what) = @_;
    $seen //= 'nothing';
    return if $seen eq $expected;
    wrong("$what: 0x" . unpack('H40', $seen) . ' was read instead of 0x' . unpack 'H40', $expected);
    return;
}

# 16 digits, different for each index, that have no order.
sub name { use integer; no warnings 'portable'; return sprintf '%016x', $_[0] * 0x1e37_79b9_7f4a_7c15 }

sub value { return pack('Q<', $_[0]) x (MANY / 8) }
sub pair  { return pack('Q<', $_[0]) x (HOT / 8) }

# A loop over `names` with a statement in it. It gives the seconds that it took, and the last value.
sub loop {
    my ($scope, $statement) = @_;
    my $variables = join '', map { "my \$$_ = \$scope->{$_};" } sort keys %$scope;
    my $code = <<"CODE";
$variables
sub {
    my (\$names, \$value) = \@_;
    my \$start = now();
    for my \$name (\@\$names) { $statement }
    return (now() - \$start, \$value);
}
CODE
    my $loop = eval $code;
    die "$code: $@" if !$loop;
    return $loop;
}

# The same `count` times over one name.
sub repeated {
    my ($scope, $statement) = @_;
    my $variables = join '', map { "my \$$_ = \$scope->{$_};" } sort keys %$scope;
    my $code = <<"CODE";
$variables
sub {
    my (\$name, \$value, \$count) = \@_;
    my \$start = now();
    for my \$step (1 .. \$count) { $statement }
    return (now() - \$start, \$value);
}
CODE
    my $loop = eval $code;
    die "$code: $@" if !$loop;
    return $loop;
}

# A set of `value` and then one of `other`: some systems pass over a set of what is there already.
sub alternating {
    my ($scope, $other, $set) = @_;
    (my $again = $set) =~ s/\$value\b/\$other/g;
    return repeated({ %$scope, other => $other }, "$set $again");
}

# Nanoseconds of one operation, one figure a sample; `work` does a number of them, a multiple of `step`.
sub measure {
    my ($run, $work, $step) = @_;
    $step //= 1;
    my $length = $run->{sample_seconds};
    my $count = $step;
    my $elapsed = $work->($count);
    while ($elapsed < $length / 20 && $count < 1 << 30) {
        $count *= 4;
        $elapsed = $work->($count);
    }
    $count = $step * int($count * $length / ($elapsed > 1e-9 ? $elapsed : 1e-9) / $step);
    $count = $step if $count < $step;
    return [map { $work->($count) * 1e9 / $count } 1 .. $run->{samples}];
}

# Operations in a second, one figure a sample; `chunk` does some and counts them.
sub rates {
    my ($run, $chunk) = @_;
    my @rates;
    for (1 .. $run->{samples}) {
        my ($start, $done, $elapsed) = (now(), 0, 0);
        while ($elapsed < $run->{sample_seconds}) {
            $done += $chunk->();
            $elapsed = now() - $start;
        }
        push @rates, $done / $elapsed;
    }
    return \@rates;
}

sub begin {
    my ($run, $count, $size) = @_;
    my $system = $run->{system};
    return $run->{is_first} ? $system->create($count, $size) : $system->attach($count, $size);
}

sub hot {
    my ($run) = @_;
    my $system = $run->{system};
    my $scope = begin($run, 10, HOT);
    my $name = name(1);
    repeated($scope, $system->set)->($name, pair(1), 1);
    ready();
    my @ways = ({ scope => $scope, get => $system->get, set => $system->set }, $system->variants);
    for my $way (@ways) {
        my $get = repeated($way->{scope}, $way->{get});
        repeated($way->{scope}, $way->{set})->($name, pair(1), 1);
        my $set = alternating($way->{scope}, pair(2), $way->{set});
        my $reading = sub {
            my ($elapsed, $seen) = $get->($name, '', @_);
            check($seen, pair(1), 'a hot variable');
            return $elapsed;
        };
        my $writing = sub { my ($elapsed) = $set->($name, pair(3), $_[0] / 2); return $elapsed };
        report('get_hot', 'ns', measure($run, $reading), variant => $way->{variant});
        report('set_hot', 'ns', measure($run, $writing, 2), variant => $way->{variant});
        check(($get->($name, '', 1))[1], pair(2), 'a hot variable after sets');
    }
    done();
    return;
}

# Sets variables until all are there or time is up; says how many are there.
sub fill {
    my ($run, $scope, $count) = @_;
    my $system = $run->{system};
    my $deadline = now() + $run->{fill_seconds};
    my $set = repeated($scope, $system->set);
    for my $index (0 .. $count - 1) {
        $set->(name($index), value($index), 1);
        return $index + 1 if $index % 100 == 99 && now() > $deadline;
    }
    return $count;
}

sub random_access {
    my ($run) = @_;
    my $system = $run->{system};
    my $count = $run->{count};
    $count = $system->most if defined $system->most && $count > $system->most;
    return attach($run, $count) if !$run->{is_first};
    my $scope = begin($run, $count, MANY);
    $count = fill($run, $scope, $count);
    srand 1;
    my @indexes = map { int rand $count } 1 .. SEQUENCE;
    my @names = map { name($_) } @indexes;
    ready();
    my $note = $system->note;
    report('memory', 'bytes', [$system->bytes / $count], count => $count, note => $note);
    my ($get, $set) = map { loop($scope, $_) } $system->get, $system->set;
    for my $place (0 .. 99) {
        check(($get->([$names[$place]]))[1], value($indexes[$place]), "variable $indexes[$place]");
    }
    my $next = 0;
    my $take = sub {
        my ($wanted) = @_;
        $wanted = SEQUENCE if $wanted > SEQUENCE;
        $next = 0 if $next + $wanted > SEQUENCE;
        $next += $wanted;
        return ($next - 1, [@names[$next - $wanted .. $next - 1]]);
    };
    my $reading = sub {
        my ($wanted) = @_;
        my ($last, $part) = $take->($wanted);
        my ($elapsed, $seen) = $get->($part);
        check($seen, value($indexes[$last]), 'the last variable of a walk');
        return $elapsed * $wanted / @$part;
    };
    my $salt = 1 << 40;
    my $writing = sub {
        my ($wanted) = @_;
        my ($last, $part) = $take->($wanted);
        my $value = value(++$salt);
        my ($elapsed) = $set->($part, $value);
        check(($get->([$part->[-1]]))[1], $value, 'the last variable that was set');
        return $elapsed * $wanted / @$part;
    };
    report('get_random', 'ns', measure($run, $reading), count => $count);
    report('set_random', 'ns', measure($run, $writing), count => $count);
    done();
    return;
}

sub attach {
    my ($run, $count) = @_;
    my $system = $run->{system};
    ready();
    my @samples;
    for (1 .. $run->{samples}) {
        my $start = now();
        my $get = loop($system->attach($count, MANY), $system->get);
        my (undef, $seen) = $get->([name(0)]);
        push @samples, (now() - $start) * 1e9;
        wrong('the first variable after attaching') if length($seen // '') != MANY;
        $system->detach;
    }
    report('attach', 'ns', \@samples);
    done();
    return;
}

sub writer_and_reader {
    my ($run) = @_;
    my $system = $run->{system};
    my @values = map { pair($_) } 1 .. CHUNK;
    my $scope = begin($run, 10, HOT);
    my $name = name(1);
    if ($run->{is_first}) {
        my $set = repeated({ %$scope, values => \@values }, '$value = $values->[$step - 1];' . $system->set);
        $set->($name, '', 1);
        ready();
        report('writer', 'per_second', rates($run, sub { $set->($name, '', CHUNK); return CHUNK }));
    } else {
        my $known = { map { ($_, 1) } @values };
        my $verify = 'wrong("$value was never set") if !$known->{$value // ""};';
        my $get = repeated({ %$scope, known => $known }, $system->get . $verify);
        ready();
        report('reader', 'per_second', rates($run, sub { $get->($name, '', CHUNK); return CHUNK }));
    }
    done();
    return;
}

sub large {
    my ($run) = @_;
    my $system = $run->{system};
    my $scope = begin($run, 10, LARGE);
    my $name = name(1);
    my ($other, $value) = map {
        my $seed = $_;
        join('', map { pack 'Q<', $_ * $seed } 1 .. 1 << 17) x 16
    } 0x9e37_79b9, 0x7f4a_7c15;
    my $get = repeated($scope, $system->get);
    my $set = alternating($scope, $value, $system->set);
    ready();
    my $writing = sub { my ($elapsed) = $set->($name, $other, $_[0] / 2); return $elapsed };
    my $reading = sub {
        my ($elapsed, $seen) = $get->($name, '', @_);
        wrong('16 MiB are not those that were set') if ($seen // '') ne $value;
        return $elapsed;
    };
    report('large_set', 'ns', measure($run, $writing, 2), size => LARGE);
    report('large_get', 'ns', measure($run, $reading), size => LARGE);
    done();
    return;
}

# No system for Perl waits: both look again and again.
sub round_trip {
    my ($run) = @_;
    my $system = $run->{system};
    my $scope = begin($run, 10, HOT);
    my ($ping, $pong) = (name(1), name(2));
    my $set = repeated($scope, $system->set);
    my $limit = 'wrong("nothing came within 10 s") if now() > $old->[1];';
    my $poll_code = 'do { ' . $system->get . $limit . ' } while ($value eq $old->[0]);';
    my $poll = repeated({ %$scope, old => my $old = [] }, $poll_code);
    my $changed = sub {
        my ($name, $value) = @_;
        @$old = ($value, now() + PATIENCE);
        return ($poll->($name, '', 1))[1];
    };
    if ($run->{is_first}) {
        $set->($_, pair(0), 1) for $ping, $pong;
    }
    ready();
    if ($run->{is_first}) {
        my ($number, $last) = (0, pair(0));
        my $turns = sub {
            my ($count) = @_;
            my $start = now();
            for (1 .. $count) {
                my $value = pair(++$number);
                $set->($ping, $value, 1);
                check($changed->($pong, $last), $value, 'the echo');
                $last = $value;
            }
            return now() - $start;
        };
        report('round_trip', 'ns', measure($run, $turns), note => 'polls');
        $set->($ping, STOP, 1);
    } else {
        my $last = pair(0);
        while (($last = $changed->($ping, $last)) ne STOP) {
            $set->($pong, $last, 1);
        }
    }
    done();
    return;
}

sub counter {
    my ($run) = @_;
    my $system = $run->{system};
    my $scope = begin($run, 10, HOT);
    my $name = name(1);
    repeated($scope, $system->set)->($name, 0, 1) if $run->{is_first};
    my $add = repeated($scope, $system->add);
    ready();
    my $adds = 0;
    my $chunk = sub { $add->($name, '', 16); $adds += 16; return 16 };
    report('counter', 'per_second', rates($run, $chunk));
    report('counter_adds', 'count', [$adds]);
    done();
    if ($run->{is_first}) {
        my $total = (repeated($scope, $system->get)->($name, '', 1))[1];
        report('counter_total', 'count', [$total]);
    }
    return;
}

1;
