package sluice.peers;

/**
 * What running counts of clicks and views add up to, a pair for each event: right only if each user's counts were right
 * after each event.
 */
final class RunningSums {
  private long users, clicks, views;

  void add(long clicksNow, long viewsNow) {
    if (clicksNow + viewsNow == 1) users++;
    clicks += clicksNow;
    views += viewsNow;
  }

  void add(RunningSums other) {
    users += other.users;
    clicks += other.clicks;
    views += other.views;
  }

  boolean equalTo(RunningSums other) {
    return users == other.users && clicks == other.clicks && views == other.views;
  }
}
