// Shortcodes that operations messages use; others stay as they were typed.
export const EMOJI = {
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌",
  warning: "⚠️", rotating_light: "🚨", fire: "🔥", eyes: "👀", tada: "🎉", rocket: "🚀", bell: "🔔", no_bell: "🔕",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", mag: "🔍", wrench: "🔧", hammer_and_wrench: "🛠️", gear: "⚙️", bulb: "💡",
  memo: "📝", chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bar_chart: "📊", calendar: "📅",
  clock1: "🕐", stopwatch: "⏱️", red_circle: "🔴", large_blue_circle: "🔵", large_orange_circle: "🟠",
  large_yellow_circle: "🟡", large_green_circle: "🟢", white_circle: "⚪", black_circle: "⚫", bug: "🐛", lock: "🔒",
  unlock: "🔓", link: "🔗", pushpin: "📌", movie_camera: "🎥", film_frames: "🎞️", clapper: "🎬", package: "📦",
  rewind: "⏪", arrows_counterclockwise: "🔄", leftwards_arrow_with_hook: "↩️", no_entry: "⛔", no_entry_sign: "🚫",
  question: "❓", exclamation: "❗", information_source: "ℹ️", wave: "👋", pray: "🙏", clap: "👏", raised_hands: "🙌",
  thinking_face: "🤔", smile: "😄", slightly_smiling_face: "🙂", heart: "❤️", star: "⭐", sparkles: "✨", zap: "⚡",
  checkered_flag: "🏁", crystal_ball: "🔮", test_tube: "🧪", fire_extinguisher: "🧯", ring_buoy: "🛟", compass: "🧭",
  ok_hand: "👌", robot_face: "🤖", one: "1️⃣", two: "2️⃣", three: "3️⃣", four: "4️⃣", five: "5️⃣",
};
