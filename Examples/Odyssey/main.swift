// The search space odyssey once more (Greff et al. 2015): the LSTM with peepholes, and with one thing left out, trained
// to predict the next chord of Bach's chorales.
//
//     Odyssey jsb-chorales.json [seeds] [epochs]
import Foundation
import Refrain

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first else {
  print("usage: Odyssey FILE [seeds] [epochs], where FILE is jsb-chorales.json")
  exit(64)
}
var budget = Budget()
if let seeds = arguments.dropFirst().first.flatMap({ Int($0) }), seeds > 0 { budget.seeds = seeds }
if let epochs = arguments.dropFirst(2).first.flatMap({ Int($0) }), epochs > 0 { budget.epochs = epochs }

let parts: (training: Chorales, validation: Chorales, test: Chorales)
do {
  parts = try Chorales.parts(of: URL(fileURLWithPath: path))
} catch {
  print("Odyssey: \(path): this is no file of piano rolls with the parts train, valid and test of 88 keys")
  exit(65)
}

func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

print("\(budget.hiddenSize) units, \(budget.seeds) seeds, at most \(budget.epochs) epochs")
print(pad("variant", 28) + "nats a step   deviation   best     differs")
var plain: Results?
for variant in variants {
  let values = try (1...budget.seeds).map { seed in
    try testLoss(
      of: variant, seed: UInt64(seed), budget: budget, training: parts.training, validation: parts.validation,
      test: parts.test)
  }
  let results = Results(values: values)
  let verdict = plain.map { results.differs(from: $0) ? (results.mean > $0.mean ? "worse" : "better") : "no" } ?? ""
  print(
    pad(variant.name, 28) + pad(String(format: "%.3f", results.mean), 14)
      + pad(String(format: "%.3f", results.variance.squareRoot()), 12)
      + pad(String(format: "%.3f", values.min() ?? 0), 9) + verdict)
  fflush(nil)
  if plain == nil { plain = results }
}
