#!/usr/bin/env bash
# Expected: Locale::Currency::Format of Perl writes the amount of an event (19.99, "RSD") for a mail, an invoice, a text to the chat: right in USD, EUR, GBP, JPY and KWD, in
#   each with its own separators and number of decimals, and its manual promises undef and an error for what it does not know.
# Happens: 1.35 (Debian 12) has no decimal separator in its table for ten currencies and writes the decimals without one: 19.99 RSD is "1999 RSD", 19.99 AZN "1999 AZN",
#   12.345 TND "12345 TND". Also ALL, BBD, BTN, CDF, DZD, IQD and KHR, in every format, without undef or a warning. A number without cents gets them too: 20 is "2000 RSD".
#   Of 48 other currencies with cents (QAR, TRY, MAD, NGN, KZT, FJD, GEL, IDR, TWD ...) it has the number of decimals as 0: 0.49 QAR is "0 QAR", 19.50 "20 QAR".
# Means: the customer reads a hundred times, or a thousand times, what was paid, and whoever takes the number out of the mail books it. Tests with the large currencies show
#   nothing. Write the amount as it came and the code behind it, or give currency_set a format of your own for each currency (that mends all of its formats).
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get perl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }; done
# The table of ruby-money tells how many units a currency is divided in; nothing of it is run.
apt-get download -qq liblocale-currency-format-perl ruby-money perl-modules-5.36 libperl5.36 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in liblocale* ruby-money*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f liblocale* Version) == 1.35-* && $(dpkg -f ruby-money* Version) == 6.16.0-* ]] || { echo "   changed: expected 1.35, and 6.16.0 of ruby-money"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; usr=$dir/root/usr
export PERL5LIB=$usr/share/perl5:$usr/lib/x86_64-linux-gnu/perl/5.36:$usr/share/perl/5.36
cat > t.pl <<'E'
use strict; use warnings FATAL => "all"; use JSON::PP; use Locale::Currency::Format qw(:DEFAULT $error);
my $failed = 0; my ($path) = glob "root/usr/share/rubygems-integration/all/gems/money-*/config/currency_iso.json"; open my $file, "<", $path or die $path;
my $table = decode_json(do { local $/; <$file> }); my %digits = map { $_->{iso_code} => length($_->{subunit_to_unit}) - 1 } values %$table;
sub check { my ($text, $got, $wanted) = @_; $got //= "undef"; printf "  %-46s %s\n", $text, $got; if ($got ne $wanted) { print "   changed: expected $wanted\n"; $failed = 1 } }
for (["USD", 1234.5, "1,234.50 USD"], ["EUR", 1234.5, "1.234,50 EUR"], ["GBP", 19.99, "19.99 GBP"], ["CHF", 19.99, "19.99 CHF"], ["JPY", 1234, "1,234 JPY"], ["KWD", 12.345, "12.345 KWD"],
     ["XXQ", 19.99, "undef"], ["RSD", 19.99, "1999 RSD"], ["RSD", 20, "2000 RSD"], ["RSD", -0.5, "-050 RSD"], ["AZN", 1234.5, "123450 AZN"], ["DZD", 19.99, "1999 DZD"], ["TND", 12.345, "12345 TND"],
     ["IQD", 20, "20000 IQD"], ["QAR", 19.5, "20 QAR"], ["QAR", 0.49, "0 QAR"], ["TRY", 19.99, "20 TRY"], ["MAD", 0.1, "0 MAD"]) {
  my ($code, $amount, $wanted) = @$_; check("currency_format('$code', $amount), $digits{$code} digits", scalar currency_format($code, $amount), $wanted) if $digits{$code};
  check("currency_format('$code', $amount)", scalar currency_format($code, $amount), $wanted) unless $digits{$code};
}
binmode STDOUT, ":utf8";
check("RSD, as symbol, common, HTML and name", join(", ", map { currency_format("RSD", 19.99, $_) } FMT_SYMBOL, FMT_COMMON, FMT_HTML, FMT_NAME), "1999 RSD, 1999din, 1999 RSD, 1999 Serbian Dinar");
my (%without, %rounded); my $right = 0;
for my $code (grep { $digits{$_} > 0 } keys %digits) {
  my $got = currency_format($code, 12.345) // next; $got =~ s/ .*//;
  if ($got =~ /^\d{4,}$/) { $without{$code} = 1 } elsif ($got eq "12") { $rounded{$code} = 1 } elsif ($got =~ /^12[.,]3(5|45)$/) { $right++ } else { print "   changed: $code is $got\n"; $failed = 1 }
}
check("without a separator", join(" ", sort keys %without), "ALL AZN BBD BTN CDF DZD IQD KHR RSD TND");
check("without cents", scalar(keys %rounded), 48);
check("right", $right, 72);

currency_set("RSD", "#.###,## RSD", FMT_COMMON); check("after currency_set, for FMT_COMMON", currency_format("RSD", 19.99, FMT_COMMON), "19,99 RSD");
check("after currency_set, as standard", scalar currency_format("RSD", 19.99), "19,99 RSD");
exit $failed;
E
timeout 60 perl t.pl
