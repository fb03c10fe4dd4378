import Refrain
import RefrainData

extension Explanation {
  /// The explanation for programs.
  ///
  /// - Parameter withStates: Whether every gate and state at every step, and the part of every pixel, is given too.
  package func json(withStates: Bool = false) -> JSON {
    var pairs: [(key: String, value: JSON)] = [
      ("title", .text(title)), ("remark", .text(remark)), ("output", .text(output)), ("score", number(score)),
      ("unit", unit.map { .text($0) } ?? .null), ("baseline", .text(baseline)),
      ("baselineScore", number(baselineScore)), ("initialStateShare", number(initialStateShare)),
      ("steps", .array(steps.map { .text($0) })), ("features", .array(features.map { .text($0) })),
      (
        "methods",
        .object(
          methods.map { parts in
            (
              parts.method,
              .object([
                ("values", rows(parts.values)), ("gap", parts.gap.map(number) ?? .null),
                ("others", .object(parts.others.map { ($0.name, number($0.value)) })),
              ])
            )
          })
      ), ("withoutFeature", .array(withoutFeature.map(number))), ("faithfulness", faithfulnessJSON),
      ("levels", .array(levels.map { json($0, withStates: withStates) })),
      ("exhibits", .object(exhibits.map { ($0.name, $0.json) })), ("caution", .text(Self.caution)),
    ]
    if !pictures.isEmpty { pairs.append(("pictures", .array(pictures.map { json($0, withPixels: withStates) }))) }
    return .object(pairs)
  }

  private func json(_ pictures: Pictures, withPixels: Bool) -> JSON {
    let clip = pictures.clip
    var pairs: [(key: String, value: JSON)] = [
      ("name", .text(pictures.name)), ("frames", .integer(clip.count)), ("rows", .integer(clip.rows)),
      ("columns", .integer(clip.columns)),
    ]
    if withPixels {
      let pixels: [(key: String, value: JSON)] = pictures.parts.map { method, values in
        (method, rows(values.reshaped([clip.count, clip.rows * clip.columns])))
      }
      pairs.append(("pixels", .object(pixels)))
    }
    return .object(pairs)
  }

  private var faithfulnessJSON: JSON {
    func curve(_ curve: Faithfulness.Curve) -> JSON {
      .object([
        ("ordered", .array(curve.ordered.map(number))), ("random", .array(curve.random.map(number))),
        ("area", number(curve.areas.ordered)), ("randomArea", number(curve.areas.random)),
      ])
    }
    return .object([
      ("deletion", faithfulness.map { curve($0.deletion) } ?? .null),
      ("insertion", faithfulness.map { curve($0.insertion) } ?? .null),
      ("randomizedWeightsCorrelation", number(randomizedCorrelation)),
      ("agreement", .object(agreement.map { ($0.method, number($0.correlation)) })),
    ])
  }

  private func json(_ level: Level, withStates: Bool) -> JSON {
    var pairs: [(key: String, value: JSON)] = [
      ("name", .text(level.name)), ("cell", .text(level.cell)),
      (
        "units",
        .array(
          level.units.map { unit in
            .object([
              ("unit", .integer(unit.unit)), ("halfLife", unit.halfLife.map(number) ?? .null),
              (
                "gates",
                .object(
                  unit.gates.map { gate in
                    (
                      gate.name,
                      .object([
                        ("mean", number(gate.mean)), ("closed", number(gate.closed)), ("open", number(gate.open)),
                      ])
                    )
                  })
              ),
              (
                "follows",
                unit.follows.map {
                  .object([("feature", .text(features[$0.feature])), ("correlation", number($0.correlation))])
                } ?? .null
              ),
            ])
          })
      ),
    ]
    if withStates {
      pairs.append(("gates", .object(level.gates.map { ($0.name, rows($0.value)) })))
      pairs.append(("states", .object(level.states.map { ($0.name, rows($0.value)) })))
    }
    return .object(pairs)
  }

  private func number(_ value: Float) -> JSON { .number(Double("\(value)") ?? .nan) }

  private func rows(_ tensor: Tensor) -> JSON {
    let (values, width) = (tensor.values, tensor.shape[1])
    return .array((0..<tensor.shape[0]).map { row in .array(values[row * width..<(row + 1) * width].map(number)) })
  }
}
