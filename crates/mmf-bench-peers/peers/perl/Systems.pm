# What each system does for an operation, and how it is made, attached to and removed.
package Systems;
use strict;
use warnings;

my %CLASSES = (
    'perl-hash-sharedmem'  => 'HashSharedMem',
    'perl-cache-fastmmap'  => 'CacheFastMmap',
    'perl-ipc-shareable'   => 'IpcShareable',
);

sub make {
    my ($name, $directory) = @_;
    my $class = $CLASSES{$name} or die "no system is called $name\n";
    return $class->new($directory);
}

# Answers of a system that has nothing special to say.
package System;

sub new {
    my ($class, $directory) = @_;
    return bless { directory => $directory }, $class;
}

sub variants { return () }
sub most     { return undef }
sub note     { return undef }
sub remove   { return }
sub detach   { return }

sub bytes_of_files {
    my ($self) = @_;
    my $bytes = 0;
    for my $path (glob "$self->{directory}/*") {
        $bytes += 512 * ((stat $path)[12] // 0);
    }
    return $bytes;
}

package HashSharedMem;
our @ISA = ('System');

sub open_hash {
    my ($self, $mode) = @_;
    require Hash::SharedMem;
    $self->{hash} = Hash::SharedMem::shash_open("$self->{directory}/hash", $mode);
    return { hash => $self->{hash} };
}

sub create { my ($self) = @_; return $self->open_hash('rwce') }
sub attach { my ($self) = @_; return $self->open_hash('rw') }
sub detach { my ($self) = @_; delete $self->{hash}; return }

sub get { return '$value = Hash::SharedMem::shash_get($hash, $name);' }
sub set { return 'Hash::SharedMem::shash_set($hash, $name, $value);' }

sub add {
    return <<'CODE';
while (1) {
    my $old = Hash::SharedMem::shash_get($hash, $name);
    last if Hash::SharedMem::shash_cset($hash, $name, $old, $old + 1);
}
CODE
}

sub variants {
    my ($self) = @_;
    require Hash::SharedMem::Handle;
    tie my %tied, 'Hash::SharedMem::Handle', $self->{hash};
    $self->{tied} = \%tied;
    return { variant => 'tied', scope => { tied => \%tied },
        get => '$value = $tied->{$name};', set => '$tied->{$name} = $value;' };
}

sub bytes {
    my ($self) = @_;
    Hash::SharedMem::shash_tidy($self->{hash});
    my $bytes = 0;
    for my $path (glob "$self->{directory}/hash/*") {
        $bytes += 512 * ((stat $path)[12] // 0);
    }
    return $bytes;
}

package CacheFastMmap;
our @ISA = ('System');

# Pages of the cache; a value has to fit into one, and a full one evicts.
sub open_cache {
    my ($self, $init, $count, $size) = @_;
    require Cache::FastMmap;
    my $page = $size > 1 << 16 ? 4 * $size : 1 << 18;
    my $pages = $size > 1 << 16 ? 3 : 3 + int($count * 220 / $page);
    # Another number would be another cache: who attaches takes that of the file.
    $pages = (-s "$self->{directory}/cache") / $page if !$init;
    $self->{cache} = Cache::FastMmap->new(
        share_file => "$self->{directory}/cache", init_file => $init, unlink_on_exit => 0,
        raw_values => 1, expire_time => 0, page_size => $page, num_pages => $pages,
    );
    return { cache => $self->{cache} };
}

sub create { my ($self, $count, $size) = @_; return $self->open_cache(1, $count, $size) }
sub attach { my ($self, $count, $size) = @_; return $self->open_cache(0, $count, $size) }
sub detach { my ($self) = @_; delete $self->{cache}; return }

sub get { return '$value = $cache->get($name);' }
sub set { return '$cache->set($name, $value);' }
sub add { return '$cache->get_and_set($name, sub { return $_[1] + 1 });' }
sub bytes { my ($self) = @_; return $self->bytes_of_files }

package IpcShareable;
our @ISA = ('System');

# The identity of a segment is a number that anything may have: made of the whole path.
sub key {
    my ($self) = @_;
    my $key = 0;
    $key = ($key * 31 + ord) & 0x7fff_ffff for split //, $self->{directory};
    return $key | 1;
}

sub tie_hash {
    my ($self, $create, $size) = @_;
    require IPC::Shareable;
    my $object = tie my %hash, 'IPC::Shareable',
        { key => $self->key, create => $create, mode => 0600, size => $size, limit => 0 };
    @$self{qw(object hash)} = ($object, \%hash);
    return { hash => \%hash, object => $object };
}

sub size { my ($count, $size) = @_; return (1 << 16) + 2 * $size + 200 * $count }

sub create {
    my ($self, $count, $size) = @_;
    return $self->tie_hash(1, size($count, $size));
}

sub attach {
    my ($self, $count, $size) = @_;
    return $self->tie_hash(0, size($count, $size));
}

sub detach {
    my ($self) = @_;
    no warnings 'untie';
    delete $self->{object};
    untie %{ delete $self->{hash} };
    return;
}

sub get { return '$value = $hash->{$name};' }
sub set { return '$hash->{$name} = $value;' }
sub add { return '$object->lock; $hash->{$name}++; $object->unlock;' }

# Each operation thaws or freezes all of it.
sub most { return 20_000 }
sub note { return 'frozen as a whole' }

sub bytes {
    my ($self) = @_;
    require Storable;
    return length Storable::freeze({ %{ $self->{hash} } });
}

sub remove {
    my ($self) = @_;
    $self->{object}->remove if $self->{object};
    return;
}

1;
