#!/usr/bin/env bash
# Expected: Every(1).Day().At("10:30") of go-co-op/gocron (Go) runs once a day at 10:30 on the clock of its location, Month(1).At("02:00") once a month, in
#   summer and in winter.
# Happens: gocron 1.18 (Debian 12) puts midnight and hours together as a length of time, on the days when the clock changes: for New York the daily job
#   runs twice on 8 March (10:30 and 11:30) and on 2 November (09:30, 10:30), and on 9 March at 11:30; Sunday's job twice on 8 March and on 8 November, that
#   of the 1st twice on 1 December (01:00, 02:00), that of the last day twice on 31 December. In Berlin the daily one runs twice on 29 March and on 26
#   October. Under UTC, and with Cron("30 10 * * *"), all is right.
# Means: invoices, reminders and settlements go out twice, twice a year; tests run under UTC or in weeks without a change. Use Cron() or
#   NewScheduler(time.UTC), and let the job remember the day that it was run for.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-go-co-op-gocron-dev golang-github-robfig-cron-dev golang-golang-x-sync-dev tzdata >apt.log 2>&1 || { cat apt.log; exit 2; }
version=$(dpkg -f golang-github-go-co-op-gocron-dev_*.deb Version); echo "gocron $version"; [[ $version == 1.18.0-* ]] || { echo "   changed: expected 1.18.0"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; rm "$package"; done
export GOROOT=$dir/root/usr/lib/go-1.19 GOPATH=$dir/root/usr/share/gocode GO111MODULE=off GOCACHE=$dir/cache GOFLAGS=-p=2 CGO_ENABLED=0 HOME=$dir ZONEINFO=$dir/root/usr/share/zoneinfo TZ=UTC
mkdir t; cat > t/main.go <<'E2'
package main

import ("fmt"; "os"; "runtime"; "strings"; "time"; "github.com/go-co-op/gocron")

// A clock that goes on when a timer is due (a millisecond late, as timers are), or, with a distance, the machine's clock at another day.
type clock struct { now time.Time; distance time.Duration }

func (c *clock) Now(place *time.Location) time.Time { if c.distance != 0 { return time.Now().Add(c.distance).In(place) }; return c.now.In(place) }
func (c *clock) Sleep(d time.Duration) { if c.distance != 0 { time.Sleep(d) } else { c.now = c.now.Add(d) } }
func (c *clock) Unix(s, n int64) time.Time { return time.Unix(s, n) }

type plan func(*gocron.Scheduler) *gocron.Scheduler

var failed bool

func place(name string) *time.Location { l, err := time.LoadLocation(name); if err != nil { panic(err) }; return l }
func check(name, got, wanted string) { fmt.Printf("%-60s %s\n", name, got); if got != wanted { fmt.Println("   changed: expected", wanted); failed = true } }
// the runs of a year from 2026-01-15 on: how many, and those that were not at hour, or not the first of their day
func year(zone string, hour string, set plan) string {
	l := place(zone); start := time.Date(2026, 1, 15, 12, 0, 0, 0, l); c := &clock{now: start}
	s := gocron.NewScheduler(l); s.CustomTime(c); var wait time.Duration; var due func()
	s.CustomTimer(func(d time.Duration, f func()) *time.Timer { wait, due = d, f; return time.NewTimer(time.Hour) })
	ran := make(chan time.Time, 10); if _, err := set(s).Do(func() { ran <- c.now.In(l) }); err != nil { panic(err) }
	s.StartAsync(); count := 0; last := ""; odd := []string{}
	for {
		c.now = c.now.Add(wait + time.Millisecond); if !c.now.Before(start.AddDate(1, 0, 0)) { break }
		f := due; f()
		var at time.Time; select { case at = <-ran: case <-time.After(5 * time.Second): panic("no run") }
		count++; day := at.Format("01-02"); if day == last || at.Format("15:04") != hour { odd = append(odd, at.Format("01-02 15:04")) }; last = day
	}
	s.Stop(); return fmt.Sprint(count, " ", strings.Join(odd, ", "))
}
func main() {
	fmt.Println(runtime.Version(), "\nruns in the year from 2026-01-15 on, and those at another hour or a second time on a day")
	daily := plan(func(s *gocron.Scheduler) *gocron.Scheduler { return s.Every(1).Day().At("10:30") })
	sunday := plan(func(s *gocron.Scheduler) *gocron.Scheduler { return s.Every(1).Week().Sunday().At("10:30") })
	first := plan(func(s *gocron.Scheduler) *gocron.Scheduler { return s.Every(1).Month(1).At("02:00") })
	lastDay := plan(func(s *gocron.Scheduler) *gocron.Scheduler { return s.Every(1).MonthLastDay().At("23:00") })
	cron := plan(func(s *gocron.Scheduler) *gocron.Scheduler { return s.Cron("30 10 * * *") })
	ny, berlin := "America/New_York", "Europe/Berlin"
	check(ny+" daily at 10:30", year(ny, "10:30", daily), "367 03-08 11:30, 03-09 11:30, 11-02 09:30, 11-02 10:30")
	check(ny+" Sundays at 10:30", year(ny, "10:30", sunday), "54 03-08 11:30, 03-15 11:30, 11-08 09:30, 11-08 10:30")
	check(ny+" on the 1st at 02:00", year(ny, "02:00", first), "13 12-01 01:00, 12-01 02:00")
	check(ny+" on the last day at 23:00", year(ny, "23:00", lastDay), "13 12-31 22:00, 12-31 23:00")
	check(berlin+" daily at 10:30", year(berlin, "10:30", daily), "367 03-29 11:30, 03-30 11:30, 10-26 09:30, 10-26 10:30")
	check(berlin+" on the 1st at 02:00", year(berlin, "02:00", first), "12 ")
	check("UTC daily at 10:30", year("UTC", "10:30", daily), "365 "); check("UTC Sundays at 10:30", year("UTC", "10:30", sunday), "52 "); check("UTC on the 1st at 02:00", year("UTC", "02:00", first), "12 ")
	check(ny+" Cron(\"30 10 * * *\")", year(ny, "10:30", cron), "365 ")
	if failed { os.Exit(1) }
}
E2
"$GOROOT/bin/go" build -o test ./t && timeout 60 ./test
