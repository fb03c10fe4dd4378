// A forecaster that needs no training where it is used: a recurrent network that learned from made-up series alone.
//
//     PretrainedForecaster FOLDER SECONDS [HIDDEN]          trains, going on from what FOLDER holds; writes curve.csv
//                                                           and checkpoints by their seconds of the processor
//     PretrainedForecaster FOLDER --write-source FILE.swift writes the weights as a Swift file
import Foundation
import RefrainTasks

let words = Array(CommandLine.arguments.dropFirst())
if words.count == 3, words[1] == "--write-source" {
  let (network, _) = try ZeroShotNetwork.read(words[0] + "/zero-shot.safetensors")
  try PretrainedForecaster.source(of: network).write(toFile: words[2], atomically: true, encoding: .utf8)
} else if words.count >= 2, let seconds = Double(words[1]) {
  var program = PretrainedForecaster()
  program.folder = words[0]
  program.seconds = seconds
  if words.count > 2, let hidden = Int(words[2]) { program.hiddenSize = hidden }
  try program.run()
} else {
  // A quick look at what it does.
  var program = PretrainedForecaster()
  program.folder = NSTemporaryDirectory() + "refrain-zero-shot"
  (program.seconds, program.hiddenSize, program.batchSize) = (5, 16, 8)
  try program.run()
}
