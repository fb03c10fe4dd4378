import Refrain
import RefrainData

/// Everything about a forecaster that is decided before training: from the data where the user left it open.
struct ForecastPlan: Codable, Sendable {
  let horizon: Int
  let context: Int
  /// The season that errors are measured by, and the seasonal-naive forecast repeats; 1 for none.
  let season: Int
  /// The season the network starts from; 1 where repeating the last value does better.
  let base: Int
  let folds: Int
  let cell: String
  let hiddenSize: Int
  let layers: Int
  /// Longer periods of the calendar, given to the network as waves.
  let cycles: [Int]
  let usesLogarithm: Bool
  let epochs: Int
  let batchSize: Int
  let batchesPerEpoch: Int
  let seed: UInt64

  /// - Throws: ``ForecastError`` when the series is too short for what is asked.
  init(_ series: Series, _ configuration: Forecaster.Configuration) throws(ForecastError) {
    if let column = Cells.named(configuration.cell)?.lastColumn {
      throw ForecastError(
        "the cell '\(configuration.cell)' takes the last column for \(column), which a forecast has not; choose another cell"
      )
    }
    let count = series.count
    let frequency = series.frequency
    season = configuration.season ?? max(frequency.season, frequency.season > 1 ? 1 : detectSeason(series.values))
    horizon = configuration.horizon ?? max(1, min(season > 1 ? season : 12, count / 5))
    folds = configuration.folds ?? max(1, min(10, count / 10 / horizon))
    seed = configuration.seed
    cell = configuration.cell
    layers = configuration.layers

    let training = count - folds * horizon
    let held = series.values.prefix(max(0, training))
    // A context shorter than a season cannot repeat it.
    let seasonal = Self.base(Array(held), season: season, horizon: horizon)
    let start = seasonal <= configuration.context ?? seasonal ? seasonal : 1
    base = start
    // Two seasons show what changes from one to the next; a long series can afford more.
    let least = max(2 * start, horizon, 24)
    let generous = training >= 60 * least ? 4 * least : training >= 20 * least ? 2 * least : least
    let affordable = max(2 * start, (training - horizon) / 2)
    context = configuration.context ?? max(start, min(generous, max(least, 192), affordable))
    let needed = max(context, season) + folds * horizon + horizon + 4
    guard count >= needed, context >= start else {
      throw ForecastError(
        "\(series.file.map { $0 + ": " } ?? "")the series has \(count) rows, and a horizon of \(horizon) with a context of "
          + "\(context) and \(folds) backtest \(folds == 1 ? "fold" : "folds") needs \(max(needed, start + 1)); "
          + "give more rows or a smaller --horizon, --context or --backtest")
    }
    let (season, context) = (season, context)
    cycles = frequency.candidateSeasons.filter { $0 > max(season, context) && training >= 2 * $0 }
    usesLogarithm = Self.growsWithLevel(Array(held), block: start > 1 ? start : 12, seasonal: start > 1)

    let windows = training - context - horizon + 1
    hiddenSize = configuration.hiddenSize ?? (count >= 5000 ? 48 : 32)
    batchSize = windows >= 2000 ? 64 : 32
    batchesPerEpoch = max(1, min(windows, 6400) / batchSize)
    epochs = configuration.epochs ?? max(1, (windows >= 2000 ? 800 : 600) / batchesPerEpoch)
  }

  /// The season, or 1 where repeating the last value would have been closer over the training part.
  private static func base(_ values: [Double], season: Int, horizon: Int) -> Int {
    guard season > 1, values.count > 2 * season + horizon else { return values.count > 2 * season ? season : 1 }
    var (naive, seasonal) = (0.0, 0.0)
    for origin in stride(from: season, through: values.count - horizon, by: max(1, horizon / 2)) {
      for step in 0..<horizon {
        naive += abs(values[origin + step] - values[origin - 1])
        seasonal += abs(values[origin + step] - values[origin - season + step % season])
      }
    }
    return seasonal <= naive ? season : 1
  }

  /// Whether the movement of a positive series grows with its level, so that its logarithm moves evenly: the spread of
  /// blocks, or of steps within them, varies less after division by their mean (Guerrero 1993).
  private static func growsWithLevel(_ values: [Double], block: Int, seasonal: Bool) -> Bool {
    guard values.allSatisfy({ $0 > 0 }), values.count / block >= 4 else { return false }
    var (spreads, ratios): ([Double], [Double]) = ([], [])
    for start in stride(from: values.count % block, to: values.count, by: block) {
      let part = values[start..<start + block]
      let mean = part.reduce(0, +) / Double(block)
      let moves = seasonal ? part.map { $0 - mean } : zip(part.dropFirst(), part).map { $0 - $1 }
      let center = moves.reduce(0, +) / Double(moves.count)
      let spread = (moves.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(moves.count)).squareRoot()
      spreads.append(spread)
      ratios.append(spread / mean)
    }
    func variation(_ values: [Double]) -> Double {
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return mean > 0 ? variance.squareRoot() / mean : 0
    }
    return variation(ratios) < 0.9 * variation(spreads)
  }
}
