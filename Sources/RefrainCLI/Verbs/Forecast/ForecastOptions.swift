import ArgumentParser
import RefrainTasks

/// The flags of `refrain forecast` for the model and the picture.
struct ForecastOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write the trained model to this file.", valueName: "model"),
    completion: .file(extensions: ["safetensors"]))
  var save: String?

  @Option(
    help: ArgumentHelp(
      """
      Forecast with a saved model, without training: from the newest rows of FILE, or from the series it was made with.
      """,
      valueName: "model"),
    completion: .file(extensions: ["safetensors"]))
  var model: String?

  @Option(
    help: ArgumentHelp("Draw the forecast into this SVG file.", valueName: "file.svg"),
    completion: .file(extensions: ["svg"]))
  var chart: String?

  @Option(
    help: ArgumentHelp(
      "Bring rows together over steps of time: 15min, 1h, 1d, 1w, 1mo, 1q, 1y. (default: take them as they are)",
      valueName: "step"))
  var every: String?

  @Flag(help: "Show the backtest's horizons and steps one by one.")
  var details = false

  @Flag(help: "Give what would have been forecast for each past time, one step ahead, and how far off it was.")
  var fitted = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Draw so many paths of the future, for sums and the like: CSV has their values, a row each, JSON arrays, the table \
      the sum over the horizon. (default: none)
      """,
      valueName: "n"))
  var samples: Int?

  @Option(
    help: ArgumentHelp(
      "The names of columns and fields: refrain, or nixtla for unique_id, ds and so on. (default: refrain)",
      valueName: "shape"))
  var shape: Forecast.Shape?

  @Option(
    help: ArgumentHelp(
      "After which time the training ends with what it has: 90s, 10m, 2h. (default: it takes its time)",
      valueName: "time"), transform: SearchTime.init(text:))
  var timeLimit: SearchTime?

  func validate() throws {
    if let chart, let type = chart.split(separator: ".").last?.lowercased(), chart.contains("."),
      ["png", "jpg", "jpeg", "gif", "webp", "pdf", "bmp", "tif", "tiff", "eps", "ps", "html"].contains(type)
    {
      throw ValidationError("--chart draws SVG, not \(type.uppercased()): name a file that ends in .svg.")
    }
    if let samples, !(1...10_000).contains(samples) {
      throw ValidationError("--samples must be from 1 to 10000, not \(samples).")
    }
    if samples != nil, shape == .nixtla {
      throw ValidationError("--samples and --shape nixtla exclude each other: that shape has no paths.")
    }
    if model == "" { throw ValidationError("--model needs the name of a file.") }
    if model != nil && save != nil {
      throw ValidationError("--save and --model exclude each other: the model is in a file already.")
    }
  }
}

extension Forecast.Shape: ExpressibleByArgument {}
