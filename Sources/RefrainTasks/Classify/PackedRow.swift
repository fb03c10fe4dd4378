import Refrain
import RefrainData

/// A row of columns as one array of values `[T, I]`, as explanations take it: the steps of all columns one after
/// another, a number or a category being one step, each in value columns of its own; and all that for each of several
/// networks, whose vectors of a token differ.
///
///              review's vector   channels
///     age 39   x x 0 0 0 0 0 0   0 0        numbers and categories share the first values
///     a        0 0 x x x x x x   0 0
///     film     0 0 x x x x x x   0 0
///     1        0 0 0 0 0 0 0 0   x x
struct PackedRow: Sendable {
  /// Where a column of the row lies.
  private struct Place: Sendable {
    var steps: Range<Int>
    var values: Range<Int>
    var isVector: Bool
  }

  /// For each network, for each column.
  private let places: [[Place]]
  /// A name for each step.
  let steps: [String]
  let features: ExplainedExample.Features
  /// `[T, I]`
  let input: Tensor
  let baselines: [ExplainedExample.Baseline]
  /// What of the input is frames.
  let frames: [ExplainedFrames]

  /// - Parameters:
  ///   - row: The row among those that were encoded.
  ///   - columns: What was learned of the columns.
  ///   - networks: Networks that read them.
  ///   - records: Where the row stands.
  init(
    _ row: Int, of rows: EncodedRows, _ columns: InputColumns, _ networks: [JoinedNetwork], in records: Records
  ) throws(TrainingError) {
    let inputs = try rows.inputs([row])
    let values = networks.map { network in zip(network.parts, inputs).map { $0.values(of: $1).values } }
    let isVector = values[0].map { $0.rank == 2 }
    let times = values[0].map { $0.rank == 2 ? 1 : $0.shape[1] }

    var (places, width) = ([[Place]](), 0)
    for own in values {
      let shared = zip(own, isVector).map { $1 ? $0.shape[1] : 0 }.max() ?? 0
      var (step, next, found) = (0, width + shared, [Place]())
      for (column, tensor) in own.enumerated() {
        let size = tensor.shape[tensor.rank - 1]
        let start = isVector[column] ? width : next
        found.append(
          Place(steps: step..<step + times[column], values: start..<start + size, isVector: isVector[column]))
        step += times[column]
        if !isVector[column] { next += size }
      }
      places.append(found)
      width = next
    }
    self.places = places
    let time = times.reduce(0, +)
    func packed(_ all: [[Tensor]]) -> Tensor {
      var array = [Float](repeating: 0, count: time * width)
      for (own, found) in zip(all, places) {
        for (tensor, place) in zip(own, found) {
          let (values, size) = (tensor.values, place.values.count)
          for (step, target) in place.steps.enumerated() {
            let start = target * width + place.values.lowerBound
            array.replaceSubrange(start..<start + size, with: values[step * size..<(step + 1) * size])
          }
        }
      }
      return Tensor(array, shape: [time, width])
    }
    input = packed(values)
    baselines = Self.baselines(values, inputs, columns, networks, packed)
    frames = columns.encoders.enumerated().compactMap { index, column in
      (column.encoder as? FramesColumn)?.frames(
        column.name, values[0][index], steps: places[0][index].steps, copies: places.map { $0[index].values })
    }

    let names = columns.encoders.indices.map { index -> ColumnNames in
      let encoder = columns.encoders[index]
      guard let place = try? records.column(named: encoder.name) else { return ColumnNames(steps: []) }
      let shape = [times[index], values[0][index].shape[values[0][index].rank - 1]]
      if let series = encoder.encoder as? SeriesColumn, let layout = columns.layout {
        return series.names(steps: shape[0], layout.names(of: encoder.name))
      }
      return encoder.encoder.names(row: row, of: Column(records, place), shape: shape)
    }
    let isAlone = isVector.allSatisfy(\.self) || columns.encoders.count == 1
    steps = names.enumerated().flatMap { index, own in
      own.steps.map { isVector[index] ? "\(columns.encoders[index].name) \(excerpt($0, 40))" : $0 }
    }
    features =
      isAlone && names.allSatisfy { $0.features.isEmpty }
      ? .parts : Self.features(names, columns, isVector, places, width)
  }

  /// The steps of the column that a recurrent level reads, by the name that its layer is called by.
  func steps(ofLevel name: String) -> Range<Int>? {
    let parts = name.split(separator: ".")
    guard let word = parts.firstIndex(of: "columns"), let column = parts[(word + 1)...].first.flatMap({ Int($0) }),
      places[0].indices.contains(column)
    else { return nil }
    return places[0][column].steps
  }

  /// What takes the row's place: nothing at all, each column's mean over its steps, and what is not known.
  private static func baselines(
    _ values: [[Tensor]], _ inputs: [StepValues], _ columns: InputColumns, _ networks: [JoinedNetwork],
    _ packed: ([[Tensor]]) -> Tensor
  ) -> [ExplainedExample.Baseline] {
    func zeros(_ tensor: Tensor) -> Tensor { .zeros(tensor.shape) }
    let means = values.map { own in
      own.map { $0.rank == 2 ? zeros($0) : $0.mean(axes: [1], keepingAxes: true).expanded(to: $0.shape) }
    }
    var baselines = [
      ExplainedExample.Baseline("zeros", packed(values.map { $0.map(zeros) })),
      ExplainedExample.Baseline("mean", packed(means)),
    ]
    let unknown = zip(columns.encoders, inputs).map { $0.encoder.unknown(like: $1) }
    if unknown.contains(where: { $0 != nil }) {
      let all = zip(networks, values).map { network, own in
        zip(network.parts, zip(unknown, own)).map { part, known in
          known.0.map { part.values(of: $0).values } ?? zeros(known.1)
        }
      }
      baselines.append(ExplainedExample.Baseline("unknown", packed(all)))
    }
    return baselines
  }

  private static func features(
    _ names: [ColumnNames], _ columns: InputColumns, _ isVector: [Bool], _ places: [[Place]], _ width: Int
  ) -> ExplainedExample.Features {
    var (all, found) = ([String](), [Int](repeating: 0, count: width))
    let vectors = isVector.contains(true)
    if vectors { all.append("numbers and categories") }
    for (index, own) in names.enumerated() where !isVector[index] {
      let (name, first) = (columns.encoders[index].name, all.count)
      all += own.features.isEmpty ? [name] : own.features.map { names.count > 1 ? "\(name) \($0)" : $0 }
      for network in places {
        for (offset, value) in network[index].values.enumerated() {
          found[value] = first + (own.features.isEmpty ? 0 : own.places[offset])
        }
      }
    }
    return .grouped(all, places: found)
  }

  /// The columns of many rows `[N, T, I]`, for one of the networks.
  func columns(of inputs: Tensor, network: Int) -> [StepValues] {
    places[network].map { place in
      let own = inputs.slice(place.values, axis: 2)
      return StepValues(place.isVector ? own.at(place.steps.lowerBound, axis: 1) : own.slice(place.steps, axis: 1))
    }
  }
}

/// Networks whose scores are averaged.
struct JoinedNetworks: Module {
  var networks: [JoinedNetwork]

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try networks.forEachTensor(under: "networks", body) }

  /// The mean scores `[N, outputs]` of packed rows `[N, T, I]`.
  func callAsFunction(_ inputs: Tensor, _ row: PackedRow, layers: LayerCalls) -> Tensor {
    let all = networks.enumerated().map { index, network in
      network(
        row.columns(of: inputs, network: index), layers: networks.count > 1 ? layers.under("\(index + 1)") : layers)
    }
    return all.dropFirst().reduce(all[0], +) * (1 / Float(networks.count))
  }
}
