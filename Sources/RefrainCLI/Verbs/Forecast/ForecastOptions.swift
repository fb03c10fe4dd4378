import ArgumentParser

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

  func validate() throws {
    if let chart, let type = chart.split(separator: ".").last?.lowercased(), chart.contains("."),
      ["png", "jpg", "jpeg", "gif", "webp", "pdf", "bmp", "tif", "tiff", "eps", "ps", "html"].contains(type)
    {
      throw ValidationError("--chart draws SVG, not \(type.uppercased()): name a file that ends in .svg.")
    }
    if model == "" { throw ValidationError("--model needs the name of a file.") }
    if model != nil && save != nil {
      throw ValidationError("--save and --model exclude each other: the model is in a file already.")
    }
  }
}
