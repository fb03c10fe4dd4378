// The next value of a real series, the airline passengers of 1949 to 1960: an LSTM of 50 units reads windows of 10
// months. The scaler is fitted on the training part alone, and the last two years are tested on, never shuffled.
import Refrain
import RefrainData

/// Each run of `length` values, less its last one, `[N, length, 1]`; and the change to the value after it `[N, 1]`. The
/// level of the series, which grows out of the range of the training part, does not matter then.
func makeWindows(_ values: [Float], length: Int) -> (x: Tensor, y: Tensor) {
  let ends = length..<values.count
  let x = ends.flatMap { end in values[end - length..<end].map { $0 - values[end - 1] } }
  let y = ends.map { end in values[end] - values[end - 1] }
  return (Tensor(x, shape: [ends.count, length, 1]), Tensor(y, shape: [ends.count, 1]))
}

func seriesWindows() throws -> (history: History, error: Double, naiveError: Double) {
  let series = Series.airline.values
  let (length, held) = (10, 24)
  let scaler = Scaler.fit(on: series.dropLast(held), logarithm: true)
  let scaled = scaler.scale(series).map(Float.init)

  let (x, y) = makeWindows(Array(scaled.dropLast(held)), length: length)
  let (testX, _) = makeWindows(Array(scaled.suffix(held + length)), length: length)

  var model = Sequential(inputSize: 1, seed: 1) {
    LSTM(50)
    Dense(1)
  }
  model.compile(optimizer: Adam(), loss: .meanSquaredError)
  let history = try model.fit(x, y, epochs: 100, batchSize: 32, observers: [ProgressReporter()])

  // Each month is forecast from the true ones before it.
  let lastValues = scaled.suffix(held + 1).dropLast()
  let forecast = zip(lastValues, model.predict(testX).values).map { scaler.unscale(Double($0 + $1)) }
  let actual = Array(series.suffix(held))
  let naive = Array(series.suffix(held + 1).dropLast())
  return (
    history, ForecastErrors.rootMeanSquared(actual: actual, forecast: forecast),
    ForecastErrors.rootMeanSquared(actual: actual, forecast: naive)
  )
}

let (_, error, naiveError) = try seriesWindows()
print("Root mean squared error over the last 24 months, each forecast from the 10 before it:")
print("LSTM \(error) thousand passengers; the month before, repeated: \(naiveError)")
