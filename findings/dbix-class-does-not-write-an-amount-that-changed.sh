#!/usr/bin/env bash
# Expected: DBIx::Class, the ORM of Perl, writes a column that was set to another value: $row->update({ amount => $new }) ends with UPDATE ... SET amount. A value that is text
#   in the event and in the database (an amount in wei, numeric(38,0)) goes through it as text.
# Happens: DBIx::Class 0.082843 (Debian 12) asks whether a column changed as text, but with != of Perl where the type is one of numbers (numeric, decimal, bigint ...), and beyond
#   whole numbers of 64 bits that compares doubles. 1000000000000000000002 after 1000000000000000000001 (wei) is no change, nor is 1.000000000000000002 after ...001 (ether), nor
#   99999999999999.98 after ...99: no UPDATE is sent, update() returns as ever, and the object has the new value until it is read again. update_or_create, the accessors and
#   set_columns do the same; create(), update() of a result set and a column declared as text write every digit.
# Means: the correction of an amount is answered with 200 and is not in the database. Give such columns is_numeric => 0 in add_columns, or call make_column_dirty before
#   update(). The manual says that numbers are compared as numbers, not that numbers with other digits are the same.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }; done
apt-get download -qq libalgorithm-c3-perl libb-hooks-endofscope-perl libclass-accessor-grouped-perl libclass-c3-componentised-perl libclass-c3-perl libclass-inspector-perl \
  libclass-method-modifiers-perl libclass-xsaccessor-perl libclone-choose-perl libconfig-any-perl libcontext-preserve-perl libdata-dumper-concise-perl libdbd-sqlite3-perl libdbi-perl \
  libdbix-class-perl libdevel-globaldestruction-perl libhash-merge-perl libimport-into-perl libmodule-find-perl libmodule-implementation-perl libmodule-pluggable-perl libmodule-runtime-perl \
  libmoo-perl libmro-compat-perl libnamespace-clean-perl libpackage-stash-perl libpath-class-perl libperl5.36 perl-modules-5.36 librole-tiny-perl libscope-guard-perl libsql-abstract-classic-perl \
  libsub-exporter-progressive-perl libsub-identify-perl libsub-name-perl libsub-quote-perl libtry-tiny-perl libvariable-magic-perl libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libdbix-class-perl_* Package Version | xargs; [[ $(dpkg -f libdbix-class-perl_* Version) == 0.082843-* ]] || { echo "   changed: expected 0.082843"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export LD_LIBRARY_PATH=$usr/lib/x86_64-linux-gnu PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl5/5.36:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36
cat > t.pl <<'P'
use strict; use warnings;
package Shop::Event; use base "DBIx::Class::Core";
__PACKAGE__->table("event");
__PACKAGE__->add_columns(id => { data_type => "text" }, amount => { data_type => "numeric", size => [38, 2] }, told => { data_type => "numeric", is_numeric => 0 }, text => { data_type => "text" },
  count => { data_type => "bigint" });
__PACKAGE__->set_primary_key("id");
package Shop; use base "DBIx::Class::Schema"; __PACKAGE__->register_class(Event => "Shop::Event");
package main; my $failed = 0;
sub check { my ($text, $got, $wanted) = @_; printf "  %-74s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
my $shop = Shop->connect("dbi:SQLite:dbname=:memory:", "", "", { RaiseError => 1 }); my $dbh = $shop->storage->dbh; my $events = $shop->resultset("Event");
$dbh->do("CREATE TABLE event (id TEXT PRIMARY KEY, amount TEXT, told TEXT, text TEXT, count INTEGER)");
my $updates = 0; $dbh->{Callbacks} = { prepare => sub { $updates++ if $_[1] =~ /^UPDATE/; return }, prepare_cached => sub { $updates++ if $_[1] =~ /^UPDATE/; return } };
my $n = 0;
sub row { my ($column, $value) = @_; $events->create({ id => "e" . ++$n, amount => 0, told => 0, text => "", count => 0, $column => $value }); return $events->find("e$n") }
sub stored { my $column = shift; return $dbh->selectrow_array("SELECT $column FROM event WHERE id = 'e$n'") }
for (["amount", "19.99", "19.98", 1], ["amount", "100.00", "1e2", 0], ["amount", "1767323045.123456", "1767323045.123457", 1], ["amount", "999999999999.99", "999999999999.98", 1],
     ["amount", "99999999999999.99", "99999999999999.98", 0], ["amount", "1.000000000000000001", "1.000000000000000002", 0],
     ["amount", "1234567890123456.78", "1234567890123456.79", 0], ["amount", "12345678901234567890", "12345678901234567891", 1],
     ["amount", "1000000000000000000001", "1000000000000000000002", 0], ["amount", "1000000000000000000001", "1000000000000000065536", 0], ["amount", "1000000000000000000001", "1000000000000000065537", 1],
     ["told", "1000000000000000000001", "1000000000000000000002", 1], ["text", "1000000000000000000001", "1000000000000000000002", 1], ["count", "1234567890123456789", "1234567890123456790", 1]) {
  my ($column, $old, $new, $written) = @$_;
  my $row = row($column, $old); $updates = 0; $row->update({ $column => $new });
  check("$column, $old to $new", ($updates ? "UPDATE, " : "no UPDATE, ") . stored($column), $written ? "UPDATE, $new" : "no UPDATE, $old");
  check("   the object says", $row->get_column($column) . (keys %{ { $row->get_dirty_columns } } ? ", to be written" : ""), $new);
}
my ($old, $new) = ("1000000000000000000001", "1000000000000000000002");
my $row = row("amount", $old); $events->update_or_create({ id => "e$n", amount => $new }); check("update_or_create", stored("amount"), $old);
$row = row("amount", $old); $row->amount($new); $row->update; check("the accessor and update", stored("amount"), $old);
$row = row("amount", $old); $row->set_columns({ amount => $new, text => "corrected" }); $row->update; check("set_columns with another column", stored("amount") . " " . stored("text"), "$old corrected");
$row = row("amount", $old); $events->search({ id => "e$n" })->update({ amount => $new }); check("update of a result set", stored("amount"), $new);
$row = row("amount", $old); $row->amount($new); $row->make_column_dirty("amount"); $row->update; check("make_column_dirty and update", stored("amount"), $new);
exit $failed;
P
timeout 60 perl t.pl
