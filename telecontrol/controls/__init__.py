"""The file of a control: insured, organisation, insurer, doctor, leave, procedure policy, states, intake."""
